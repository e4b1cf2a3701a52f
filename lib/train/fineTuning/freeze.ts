/** The part of a network that a training leaves as it is. */
import { invalid } from '../../errors';
import type { Model } from '../../models/model';
import { selectNames } from '../../options/selection';
import type { Parameter, StateBuffer } from '../../tensor/state';

/** The frozen part of a network. */
export interface Frozen {
  /** Parameters without gradients and without values of the optimizer. */
  readonly parameters: readonly Parameter[];
  /** Running statistics that keep their values, and with which their layers normalise in training too. */
  readonly buffers: ReadonlySet<StateBuffer>;
}

/**
 * Returns the parameters and running statistics that patterns select by their names or those of the layers that contain them.
 * @throws ERR_INVALID_ARGUMENT for a pattern that selects nothing, with the nearest name, and if no parameter is left to train
 */
export function frozenBy(patterns: readonly string[], { parameters, buffers = [] }: Model): Frozen {
  const names = [...parameters, ...buffers].map(({ name }) => name);
  const selected = selectNames('freeze', patterns, names);
  const frozen = parameters.filter(({ name }) => selected.has(name));
  if (frozen.length === parameters.length)
    throw invalid('freeze', 'patterns that leave a parameter to train', [...patterns]);
  return { parameters: frozen, buffers: new Set(buffers.filter(({ name }) => selected.has(name))) };
}
