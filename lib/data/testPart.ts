/** The test set of data that have none of their own: a part of each class, chosen by a seed. */
import { invalid, SaturnnError } from '../errors';
import { type Field, integer, numberWithin, optional } from '../options/field';
import type { Fields } from '../options/options';
import { seedRange } from '../random';

/** Which part of the images becomes the test set. */
export interface TestPart {
  /** The part of each class, 0 to below 1. Default 0.2. */
  testShare?: number;
  /** Seed of the choice. Default 0. */
  testSeed?: number;
}

/** The defaults of TestPart. */
export const testPartDefaults = { testShare: 0.2, testSeed: 0 } as const;

const shareField: Field<number> = numberWithin({ least: 0, most: 1, open: 'most' });

/** Schema of TestPart. */
export const testPartFields: Fields<TestPart> = {
  testShare: optional(shareField),
  testSeed: optional(integer(...seedRange)),
};

/**
 * Checks the choice for data of which a test set is wanted.
 * @param isDivided whether the data have a test set of their own
 * @throws ERR_INVALID_ARGUMENT for a share of 0, and for any choice if they are divided already: it would be overlooked
 */
export function checkTestPart(data: string, { testShare, testSeed }: TestPart, isDivided: boolean): void {
  const [name, given] =
    testShare === undefined ? (['testSeed', testSeed] as const) : (['testShare', testShare] as const);
  if (isDivided && given !== undefined)
    throw new SaturnnError(
      'ERR_INVALID_ARGUMENT',
      `${name} (--test-${name === 'testSeed' ? 'seed' : 'share'}) does not apply to ${data}, which is divided already (received ${given})`,
    );
  if (testShare === 0) throw invalid('testShare', 'a number above 0 (--no-test trains without a test set)', testShare);
}

/** Returns the error of data that cannot be divided. @param what the images in words: "pictures" */
export const tooFewForTest = (data: string, what: string): SaturnnError =>
  new SaturnnError(
    'ERR_DATA',
    `${data} has too few ${what} for a test set: no class has two. --no-test trains without one`,
  );
