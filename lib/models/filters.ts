/** Finds the weights of a convolution by the name of its layer. */
import { Graph } from '../compile/graph';
import { invalid } from '../errors';
import { inference } from '../layers/context';
import { conv2dOp } from '../ops/convolution';
import { nearestName } from '../options/nearest';
import { Parameter } from '../tensor/state';
import { input } from '../tensor/tensor';
import { layersOf } from './inspect';
import { forwardOf, type Model } from './model';

/** The weights of a convolution. */
export interface FilterParameter {
  /** Name of the layer, as inspectModel() has it. */
  readonly layer: string;
  /** [filters, kernel height, kernel width, channels]. */
  readonly weight: Parameter;
}

/**
 * Returns the weights of a convolution.
 * @param name of its layer. Default: the first layer with a convolution whose weights are trained
 * @throws ERR_INVALID_ARGUMENT if there is none, with the nearest name
 */
export function filtersOf(model: Model, name?: string): FilterParameter {
  const logits = forwardOf(model, input('images', [1, ...model.inputShape]), inference);
  const { nodes } = Graph.from({ outputs: { logits } });
  const all = layersOf(nodes.filter(({ source }) => !source)).flatMap(({ name: layer, nodes: own }) => {
    const weight = own.find(({ op }) => op === conv2dOp)?.inputs[1];
    return weight instanceof Parameter ? [{ layer, weight }] : [];
  });
  const found = name === undefined ? all[0] : all.find(({ layer }) => layer === name);
  if (found) return found;
  if (name === undefined) throw invalid('model', 'a convolution with weights', model.name);
  const nearest = nearestName(
    name,
    all.map(({ layer }) => layer),
  );
  const hint = nearest === null ? '' : ` (the nearest is "${nearest}")`;
  throw invalid('layer', `the name of a layer with a convolution${hint}`, name);
}
