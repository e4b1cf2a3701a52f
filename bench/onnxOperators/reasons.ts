/** Why a case of ONNX's is not claimed: something that saturnn's ops do not have. */

/** The reasons, with a text for each that stands behind "not claimed". */
export const reasons = {
  dtype: 'other numbers than f32',
  empty: 'an array without elements',
  rank: 'windows over three dimensions',
  dilation: 'a pooling with dilation',
  padding: 'a padding that the op does not have',
  ceil: 'a last window that is cut off, of which the padding counts',
  window: 'a window of more than 256 pixels',
  outputs: 'a second result that the op does not have',
  range: "a number that is out of the op's range",
  mode: 'another interpolation than the nearest pixel',
  factor: 'a size that is no whole multiple',
  axes: 'several axes at once, or steps',
  shape: 'a shape that is not two-dimensional',
  reduction: 'a loss of each row, without the mean or sum',
  random: 'random numbers of another generator',
  logarithm: 'no op gives logarithms',
  division: 'no op divides by a tensor',
  jump: 'no op has a jump',
  indices: 'no op gives the indices of the largest numbers',
  step: 'a later step, whose rule is another one',
  operator: 'an operator without an op',
} as const;

/** Key of a reason. */
export type Reason = keyof typeof reasons;

/** Thrown for a case that saturnn's ops cannot express. */
export class NotClaimed extends Error {
  constructor(readonly reason: Reason) {
    super(reasons[reason]);
  }
}
