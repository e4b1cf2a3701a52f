import type { RunInputs } from '../compile/compile';
import type { Batches } from '../data/loader';
import type { RowValues } from '../data/targets';
import { mixColumns } from '../ops/augmentation';
import { partShares } from './accumulation/inputs';
import { targetInputs } from './loss/targetInputs';
import type { ResolvedOptions } from './trainerOptions';

/**
 * Returns the inputs of the training steps of a call that the host makes for each row, beside images, indices and labels: the
 * tables of augmentation, targets, and weights (f32 [steps * batch]) of the row in the loss, which are those of its class times those of
 * the image, 0 for a row that only fills up a batch. Where images are mixed, partnerWeights are those of the other image, and each has
 * its share. With several parts per update, both are multiplied by the share of the row's part.
 * @param epoch the number of the batches' epoch, from 0
 */
export function rowInputs(
  {
    weightsByClass,
    augmenter,
    train,
    loss,
    parts = 1,
  }: Pick<ResolvedOptions, 'weightsByClass' | 'augmenter' | 'loss'> & { train: RowValues; parts?: number },
  epoch: number,
  batches: Batches,
): RunInputs {
  // Images are mixed with others of their part, which a native step computes.
  const steps = batches.steps * parts;
  const { shares, partnerLabels, ...drawn } = augmenter.tables(epoch, { ...batches, steps });
  const { labels, indices } = batches;
  const own = train.weights;
  const tables = { ...drawn, ...targetInputs(loss, train, batches) };
  const partShare = partShares(batches, parts);
  const weightOf = (label: number, row: number, index = indices[row]!) =>
    label < 0 ? 0 : partShare(row) * (weightsByClass?.[label] ?? 1) * (own ? own[index]! : 1);
  if (!shares || !partnerLabels) {
    const isWeighted = weightsByClass !== null || !!own || parts > 1;
    return {
      ...tables,
      ...(isWeighted && { weights: Float32Array.from(labels, (label, row) => weightOf(label, row)) }),
    };
  }
  const size = labels.length / steps;
  const partnerOf = (row: number) => indices[row - (row % size) + drawn.mixes![row * mixColumns]!]!;
  return {
    ...tables,
    partnerLabels,
    weights: Float32Array.from(labels, (label, row) => shares[row]! * weightOf(label, row)),
    partnerWeights: Float32Array.from(
      partnerLabels,
      (label, row) => (1 - shares[row]!) * weightOf(label, row, partnerOf(row)),
    ),
  };
}
