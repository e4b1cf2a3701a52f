import { apply, type Tensor } from '../tensor';
import { expectShape, expectTensor, first, type Op } from './op';
import { expectClassification } from './softmaxCrossEntropy';

/** dlogits = (probabilities - onehot(label)) dloss / (rows that count); 0 in rows with label -1. -> [N, K] */
export const softmaxCrossEntropyGradientOp: Op = {
  name: 'softmaxCrossEntropyGradient',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  inferShape([probabilities, labels, dloss]) {
    const op = 'softmaxCrossEntropyGradient';
    const { shape } = expectClassification(op, probabilities, labels);
    expectShape(op, 'dloss', expectTensor(op, 'dloss', dloss, {}), [1]);
    return [{ dtype: 'f32', shape, image: false }];
  },
};

export function softmaxCrossEntropyGradient(
  probabilities: Tensor,
  labels: Tensor,
  dloss: Tensor,
  name?: string,
): Tensor {
  return first(apply(softmaxCrossEntropyGradientOp, [probabilities, labels, dloss], {}, name));
}
