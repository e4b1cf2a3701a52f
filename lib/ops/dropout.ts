import { custom, type Field, integer, optional, text } from '../options/field';
import { apply, type Op, type Tensor } from '../tensor/tensor';
import { expectShape, expectTensor, first, opOptions } from './op';

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
  saved: {
    options: ({ attributes: { rate = 0, stream = 0 } }) => ({ rate, stream }),
    make: ([x, counter], options, name) => dropout(x, counter, { ...(options as DropoutOpOptions), name }),
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

/** Accepts a dropout rate: from 0 to below 1, also after rounding to f32, in which kernels compute. */
export const dropoutRateField: Field<number> = custom(
  'a number of at least 0 and less than 1',
  (rate) => typeof rate === 'number' && rate >= 0 && Math.fround(rate) < 1,
  { least: 0, most: 1, open: 'most' },
);

const dropoutOptions = opOptions<DropoutOpOptions>('dropout', {
  rate: dropoutRateField,
  stream: integer(-(2 ** 31), 2 ** 31 - 1),
  name: optional(text),
});

/**
 * Returns x with elements set to 0 with probability `rate`, and the others divided by 1 - rate (Srivastava et al. 2014). The mask
 * depends on seed, step and stream. It is for training: in inference, use x as it is.
 * @param x f32, any shape
 * @param counter i32 [2], seed and step: State.counter
 * @param options rate, stream and name
 * @throws ERR_SHAPE if x is not f32; ERR_INVALID_ARGUMENT for rate or stream
 */
export function dropout(x: Tensor, counter: Tensor, options: DropoutOpOptions): Tensor {
  const { rate, stream, name } = dropoutOptions.check(options);
  return first(apply(dropoutOp, [x, counter], { rate, stream }, name));
}

/** All ops of this file. */
export const dropoutOps: readonly Op[] = [dropoutOp];
