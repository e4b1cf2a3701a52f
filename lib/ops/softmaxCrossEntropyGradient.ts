import { apply, type Tensor } from '../tensor';
import { expectShape, expectTensor, first, type Op } from './op';
import { expectClassification, type LossOptions } from './softmaxCrossEntropy';

/**
 * dlogits = (probabilities - (1 - e) onehot(label) - e / K) dloss / (rows that count), with label smoothing e; 0 in rows with
 * label -1. -> [N, K]
 */
export const softmaxCrossEntropyGradientOp: Op = {
  name: 'softmaxCrossEntropyGradient',
  attributes: [['labelSmoothing', 'f32']],
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
  { labelSmoothing = 0, name }: LossOptions = {},
): Tensor {
  return first(apply(softmaxCrossEntropyGradientOp, [probabilities, labels, dloss], { labelSmoothing }, name));
}
