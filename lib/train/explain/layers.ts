/** The layers of a network, by the names that inspectModel() and `saturnn inspect` have for them. */
import { invalid, type SaturnnError } from '../../errors';
import { inspectModel, type LayerSummary } from '../../models/inspect';
import type { Model } from '../../models/model';
import { nearestName } from '../../options/nearest';

/** Returns the layers of a network with these names. @throws ERR_INVALID_ARGUMENT for the first name that none has */
export function layersNamed(argument: string, model: Model, names: readonly string[]): LayerSummary[] {
  const { layers } = inspectModel(model);
  return names.map((name, index) => {
    const found = layers.find((layer) => layer.name === name);
    if (!found) throw unknownLayer(`${argument}[${index}]`, name, layers);
    return found;
  });
}

/** The output of a layer that is an image. */
export interface ImageLayer {
  readonly name: string;
  readonly height: number;
  readonly width: number;
}

/**
 * Returns the layer with this name; undefined: the last one whose output has more than one pixel.
 * @throws ERR_INVALID_ARGUMENT if there is none, or its output is no image
 */
export function imageLayer(argument: string, model: Model, name: string | undefined): ImageLayer {
  const { layers } = inspectModel(model);
  const images = layers.filter(({ outputShape }) => outputShape.length === 3);
  const isLarge = ({ outputShape: [height = 1, width = 1] }: LayerSummary) => height * width > 1;
  const found = name === undefined ? images.findLast(isLarge) : layers.find((layer) => layer.name === name);
  if (!found) {
    if (name !== undefined) throw unknownLayer(argument, name, images);
    throw invalid('model', 'a layer whose output has more than one pixel', model.name);
  }
  const [height, width, channels] = found.outputShape;
  if (channels === undefined)
    throw invalid(argument, `a layer whose output is an image (${listed(images)})`, found.name);
  return { name: found.name, height: height as number, width: width as number };
}

/** Most names that a message lists. */
const mostListed = 12;

function listed(layers: readonly LayerSummary[]): string {
  const names = layers.slice(0, mostListed).map(({ name }) => name);
  return `${names.join(', ')}${layers.length > mostListed ? ', ...' : ''}`;
}

function unknownLayer(argument: string, name: string, layers: readonly LayerSummary[]): SaturnnError {
  const nearest = nearestName(
    name,
    layers.map((layer) => layer.name),
  );
  const hint = nearest === null ? '' : `the nearest is "${nearest}"; `;
  return invalid(argument, `a layer of the network (${hint}they are ${listed(layers)})`, name);
}
