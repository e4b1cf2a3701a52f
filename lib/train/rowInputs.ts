import type { RunInputs } from '../compile/compile';
import type { Batches } from '../data/loader';
import type { ResolvedOptions } from './trainerOptions';

/**
 * Returns the inputs of the training steps of a call that the host makes for each row, beside images, indices and labels.
 * `weights` (f32 [steps * batch]): the weight of the row's class, 0 for a row that only fills up a batch; absent without class
 * weights.
 */
export function rowInputs({ weightsByClass }: Pick<ResolvedOptions, 'weightsByClass'>, { labels }: Batches): RunInputs {
  if (!weightsByClass) return {};
  return { weights: Float32Array.from(labels, (label) => (label < 0 ? 0 : weightsByClass[label]!)) };
}
