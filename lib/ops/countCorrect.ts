import { apply, type Tensor } from '../tensor';
import { first, type Op } from './op';
import { expectClassification } from './softmaxCrossEntropy';

/** How many rows have their largest logit at the label (first of equals; NaN or label -1 never counts). -> f32 [1] */
export const countCorrectOp: Op = {
  name: 'countCorrect',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  inferShape([logits, labels]) {
    expectClassification('countCorrect', logits, labels);
    return [{ dtype: 'f32', shape: [1], image: false }];
  },
};

/** logits [N, K], labels i32 [N]. @throws ERR_SHAPE */
export function countCorrect(logits: Tensor, labels: Tensor, { name }: { name?: string } = {}): Tensor {
  return first(apply(countCorrectOp, [logits, labels], {}, name));
}
