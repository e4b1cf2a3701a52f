import { checkInteger, invalid } from '../errors';
import { apply, type Tensor } from '../tensor/tensor';
import { expectShape, expectTensor, first, type Op } from './op';

/**
 * y = x / (1 - rate), or 0 x with probability `rate`, drawn anew in every step. counter i32 [2]: seed and step. Element e (in
 * the order of x's shape, whatever the layout) is dropped if word e mod 4 of the Philox block {floor(e / 4), step, stream, 0}
 * with key {seed, "drop"} is below rate 2^32. Nothing is stored: the gradient is the same op on dy. A NaN or infinity that is dropped
 * gives NaN.
 */
export const dropoutOp: Op = {
  name: 'dropout',
  attributes: [
    ['rate', 'f32'],
    ['stream', 'i32'],
  ],
  readsSlices: true,
  writesSlices: true,
  inPlace: true,
  inferShape([x, counter]) {
    const { shape, image } = expectTensor('dropout', 'x', x, {});
    expectShape('dropout', 'counter', expectTensor('dropout', 'counter', counter, { dtype: 'i32' }), [2]);
    return [{ dtype: 'f32', shape, image }];
  },
  gradient(node, [dy]) {
    const [, counter = null] = node.inputs;
    return dy ? [first(apply(dropoutOp, [dy, counter], node.attributes, node.name))] : [];
  },
};

export interface DropoutOpOptions {
  /** Probability of being dropped: at least 0, less than 1. */
  rate: number;
  /** A signed 32-bit integer. Masks of different streams are independent. */
  stream: number;
  name?: string;
}

/** @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function dropout(x: Tensor, counter: Tensor, { rate, stream, name }: DropoutOpOptions): Tensor {
  checkInteger('stream', stream, -(2 ** 31), 2 ** 31 - 1);
  return first(apply(dropoutOp, [x, counter], { rate: checkDropoutRate('rate', rate), stream }, name));
}

/** In f32, which the kernels compute in: what rounds to 1 would drop everything. */
export function checkDropoutRate(argument: string, rate: number): number {
  if (!(typeof rate === 'number' && rate >= 0 && Math.fround(rate) < 1)) {
    throw invalid(argument, 'a number of at least 0 and less than 1', rate);
  }
  return rate;
}

export const dropoutOps: readonly Op[] = [dropoutOp];
