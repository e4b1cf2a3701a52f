/** Divides the images of a data set into two parts by a seed, so that every run divides them alike. */
import { invalid } from '../errors';
import { flag, integer, optional } from '../options/field';
import { type Fields, Options } from '../options/options';
import { Philox, seedRange, streams } from '../random';

/** Options of Dataset.split(). */
export interface SplitOptions {
  /** Seed of the choice, 0 to 2147483647; default 0. */
  seed?: number;
  /** Whether each class is divided by the same share, as nearly as whole images allow. Default true. */
  stratified?: boolean;
}

/** Schema of SplitOptions. */
export const splitFields: Fields<SplitOptions> = { seed: optional(integer(...seedRange)), stratified: optional(flag) };

const splitOptions = new Options('split()', splitFields);

/**
 * Chooses the test images of a data set by a seed. Both parts keep the order of the data set and have at least one image.
 * @param labels one label per image, 0 to classes - 1
 * @param share share of the images that become test images, above 0 and below 1
 * @returns the indices of each part, ascending. If stratified, each class keeps at least one training image
 * @throws ERR_INVALID_ARGUMENT
 */
export function divide(
  labels: Int32Array,
  share: number,
  options: SplitOptions = {},
): { train: Int32Array; test: Int32Array } {
  const { seed = 0, stratified = true } = splitOptions.check(options);
  if (typeof share !== 'number' || !(share > 0 && share < 1))
    throw invalid('share', 'a number above 0 and below 1', share);
  if (labels.length < 2) throw invalid('share', 'at least two images to divide', labels.length);
  const order = new Philox(seed, streams.split).permutation(labels.length);
  const wanted = Math.min(labels.length - 1, Math.max(1, Math.round(share * labels.length)));
  const isTest = new Uint8Array(labels.length);
  const left = stratified ? quotas(labels, share, wanted) : null;
  let chosen = 0;
  for (const index of order) {
    if (chosen === wanted) break;
    const label = labels[index]!;
    if (left) {
      if (!left.get(label)) continue;
      left.set(label, left.get(label)! - 1);
    }
    isTest[index] = 1;
    chosen++;
  }
  if (chosen === 0) throw invalid('stratified', 'false, as no class has two images,', stratified);
  const all = Int32Array.from(labels.keys());
  return { train: all.filter((index) => !isTest[index]), test: all.filter((index) => isTest[index] === 1) };
}

/** Returns how many test images each class gives: whole numbers by the largest remainder, `wanted` in all if the classes suffice. */
function quotas(labels: Int32Array, share: number, wanted: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const classes = [...counts].map(([label, count]) => ({
    label,
    most: count - 1,
    part: Math.min(Math.floor(count * share), count - 1),
    remainder: (count * share) % 1,
  }));
  classes.sort((a, b) => b.remainder - a.remainder || a.label - b.label);
  let missing = wanted - classes.reduce((sum, { part }) => sum + part, 0);
  // The second round matters only where the classes of the first cannot give more.
  for (let round = 0; round < 2; round++) {
    for (const entry of classes) {
      if (missing <= 0 || entry.part >= entry.most) continue;
      entry.part++;
      missing--;
    }
  }
  return new Map(classes.map(({ label, part }) => [label, part]));
}
