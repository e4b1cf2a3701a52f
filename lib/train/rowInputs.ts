import type { RunInputs } from '../compile/compile';
import type { Batches } from '../data/loader';
import type { ResolvedOptions } from './trainerOptions';

/**
 * Returns the inputs of the training steps of a call that the host makes for each row, beside images, indices and labels: the
 * tables of augmentation, and weights (f32 [steps * batch]) of the row in the loss, which are those of its class, 0 for a row that
 * only fills up a batch. Where images are mixed, partnerWeights are those of the other image, and each has its share.
 * @param epoch the number of the batches' epoch, from 0
 */
export function rowInputs(
  { weightsByClass, augmenter }: Pick<ResolvedOptions, 'weightsByClass' | 'augmenter'>,
  epoch: number,
  batches: Batches,
): RunInputs {
  const { shares, partnerLabels, ...tables } = augmenter.tables(epoch, batches);
  const weightOf = (label: number) => (label < 0 ? 0 : (weightsByClass?.[label] ?? 1));
  const { labels } = batches;
  if (!shares || !partnerLabels)
    return { ...tables, ...(weightsByClass && { weights: Float32Array.from(labels, weightOf) }) };
  return {
    ...tables,
    partnerLabels,
    weights: Float32Array.from(labels, (label, row) => shares[row]! * weightOf(label)),
    partnerWeights: Float32Array.from(partnerLabels, (label, row) => (1 - shares[row]!) * weightOf(label)),
  };
}
