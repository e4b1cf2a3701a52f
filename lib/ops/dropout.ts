import { checkInteger, invalid } from '../errors';
import { apply, type Op, type Tensor } from '../tensor/tensor';
import { expectShape, expectTensor, first } from './op';

/**
 * y = x / (1 - rate) with probability 1 - rate, else 0 x, drawn anew for each element and step. counter i32 [2]: seed and
 * step. Element e (counted in the order of x's shape in every layout) is dropped if word e mod 4 of the Philox block {floor(e
 * / 4), step, stream, 0} with key {seed, "drop"} is below rate 2^32. No mask is stored: the gradient is the same op on dy. A
 * NaN or infinity that is dropped gives NaN.
 */
const dropoutOp: Op = {
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

/** Options of dropout(). */
export interface DropoutOpOptions {
  /** Probability that an element is dropped: from 0 to below 1. */
  rate: number;
  /** Number of the mask, a signed 32-bit integer. Masks of different streams are independent. */
  stream: number;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

/**
 * Returns x with elements set to 0 with probability `rate`, and the others divided by 1 - rate (Srivastava et al. 2014). The mask
 * depends on seed, step and stream. It is for training: in inference, use x as it is.
 * @param x f32, any shape
 * @param counter i32 [2], seed and step: State.counter
 * @param options rate, stream and name
 * @throws ERR_SHAPE if x is not f32; ERR_INVALID_ARGUMENT for rate or stream
 */
export function dropout(x: Tensor, counter: Tensor, { rate, stream, name }: DropoutOpOptions): Tensor {
  checkInteger('stream', stream, -(2 ** 31), 2 ** 31 - 1);
  return first(apply(dropoutOp, [x, counter], { rate: checkDropoutRate('rate', rate), stream }, name));
}

/**
 * Checks a dropout rate: from 0 to below 1, also after rounding to f32, in which kernels compute.
 * @throws ERR_INVALID_ARGUMENT
 */
export function checkDropoutRate(argument: string, rate: number): number {
  if (!(typeof rate === 'number' && rate >= 0 && Math.fround(rate) < 1)) {
    throw invalid(argument, 'a number of at least 0 and less than 1', rate);
  }
  return rate;
}

/** All ops of this file. */
export const dropoutOps: readonly Op[] = [dropoutOp];
