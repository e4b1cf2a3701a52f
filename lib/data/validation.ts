/** Takes a part of a training set out of the training, to evaluate it in place of the test set. */
import { invalid, numberFromText } from '../errors';
import { custom, integer, optional } from '../options/field';
import { Options } from '../options/options';
import { seedRange } from '../random';
import { divide } from './divide';
import { type ImageSource, Subset } from './source';

/** The part of a training set that is evaluated in place of the test set. */
export interface Validation {
  /** Share of the images of each class: above 0 and below 1. */
  share: number;
  /** Seed of the choice, 0 to 2^31 - 1. Default 0. */
  seed?: number;
}

/** Accepts a Validation. */
export const validationField = new Options<Validation>('option validation', {
  share: custom('a number above 0 and below 1', (share) => typeof share === 'number' && share > 0 && share < 1),
  seed: optional(integer(...seedRange)),
}).nested();

/** Describes the choice: "10 % of each class, by seed 0". */
export const describeShare = ({ share, seed = 0 }: Validation): string =>
  `${+(100 * share).toFixed(2)} % of each class, by seed ${seed}`;

/** Reads "SHARE", or "SHARE:SEED"; the default seed is 0. @throws ERR_INVALID_ARGUMENT */
export function parseValidation(text: string): Required<Validation> {
  const [share = '', seed = '0', ...more] = text.split(':');
  const parsed = { share: numberFromText(share), seed: numberFromText(seed) };
  const fits = parsed.share > 0 && parsed.share < 1 && Number.isSafeInteger(parsed.seed) && parsed.seed >= 0;
  if (!fits || more.length > 0)
    throw invalid('validation', 'SHARE or SHARE:SEED, with a share above 0 and below 1,', text);
  return parsed;
}

/**
 * Divides a training set. Both parts say in their `origin` how, which checkpoints and config.json write down.
 * @returns `train`, the images that train, and `validation`, those that are evaluated, in the order of the set
 * @throws ERR_INVALID_ARGUMENT for share or seed, or if no class has two images
 */
export function splitValidation(
  source: ImageSource,
  options: Validation,
): { train: ImageSource; validation: ImageSource } {
  const { share, seed = 0 } = options;
  if (new Set(source.labels).size === source.count)
    throw invalid('validation', 'training data in which a class has at least two images', `${source.count} of as many`);
  const indices = divide(source.labels, share, { seed });
  const part = (name: string, chosen: Int32Array, role?: 'validation'): ImageSource =>
    Object.assign(new Subset(source, chosen, source.classes), { origin: { part: name, share, seed }, role });
  return {
    train: part('without validation', indices.train),
    validation: part('validation', indices.test, 'validation'),
  };
}
