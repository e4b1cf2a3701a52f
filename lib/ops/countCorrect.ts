import { checkInteger } from '../errors';
import { apply, type Tensor } from '../tensor';
import { first, type Op } from './op';
import { expectClassification } from './softmaxCrossEntropy';

/**
 * How many rows have their label among the k largest logits. -> f32 [1]. Of equal logits the one with the smaller index
 * comes first; a row with a NaN, with label -1, or with a label beyond the classes never counts.
 */
export const countCorrectOp: Op = {
  name: 'countCorrect',
  attributes: [['k', 'i32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([logits, labels]) {
    expectClassification('countCorrect', logits, labels);
    return [{ dtype: 'f32', shape: [1], image: false }];
  },
};

export interface CountCorrectOptions {
  /** How many guesses a row has; default 1. With as many as classes, every labelled row counts. */
  k?: number;
  name?: string;
}

/** logits [N, K], labels i32 [N]. @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function countCorrect(logits: Tensor, labels: Tensor, { k = 1, name }: CountCorrectOptions = {}): Tensor {
  checkInteger('k', k, 1, 2 ** 31 - 1);
  return first(apply(countCorrectOp, [logits, labels], { k }, name));
}
