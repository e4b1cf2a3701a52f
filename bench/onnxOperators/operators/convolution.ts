/** ONNX's convolutions and matrix products: conv2d() and linear(). */
import { add, conv2d, flatten, linear, type Tensor } from '../../../lib';
import { broadcast, commonShape, flipped, imageOf, reshaped, sizeOf, transposed } from '../arrange';
import type { Call, Operators } from '../call';
import type { Values } from '../case';
import { NotClaimed } from '../reasons';
import { scaled } from './elementwise';
import { extentOf, type Pair, pairOf, windowsOf } from './windows';

/** Returns weights [A, B, H, W] or [A, B, W] as [A, H, W, B]. */
const channelsLast = (weights: Values): Values => imageOf(weights).values;

async function convolution(call: Call): Promise<Values[]> {
  const [x, weights, bias] = [call.floats(0), call.floats(1), call.optional(2)];
  const { values, back } = imageOf(x);
  const [, height, width] = values.shape as [number, number, number, number];
  const { kernel, ...places } = windowsOf(call, [height, width], weights.shape.slice(2));
  const y = conv2d(call.feed(values), call.feed(channelsLast(weights), { image: false }), {
    ...places,
    groups: call.number('group', 1),
    ...(bias && { bias: call.feed(bias) }),
  });
  return call.compute([[y, back]]);
}

/**
 * A transposed convolution without a stride is a convolution whose weights are turned round, over a padding that leaves as much of the
 * windows outside as its own takes away.
 */
async function transposedConvolution(call: Call): Promise<Values[]> {
  const [x, weights, bias] = [call.floats(0), call.floats(1), call.optional(2)];
  const { values, back } = imageOf(x);
  const kernel = weights.shape.slice(2);
  const [, height, width] = values.shape as [number, number, number, number];
  const { stride, dilation, kernel: window, padding: own } = windowsOf(call, [height, width], kernel);
  if (stride.some((step) => step !== 1)) throw new NotClaimed('stride');
  if (call.numbers('output_shape')) throw new NotClaimed('padding');
  const more = pairOf(call.numbers('output_padding') ?? kernel.map(() => 0), 0);
  const padding = own.map((side, index) => {
    const axis = index < 2 ? 0 : 1;
    return extentOf(window[axis]!, dilation[axis]!) - 1 - side + (index % 2 === 1 ? more[axis]! : 0);
  });
  if (padding.some((side) => side < 0)) throw new NotClaimed('padding');
  const groups = call.number('group', 1);
  const y = conv2d(call.feed(values), call.feed(turned(weights, groups), { image: false }), {
    padding: padding as [number, number, number, number],
    dilation,
    groups,
    ...(bias && { bias: call.feed(bias) }),
  });
  return call.compute([[y, back]]);
}

/** Returns weights [C, O / groups, ...] of a transposed convolution as those of a convolution, [O, H, W, C / groups], turned round. */
function turned(weights: Values, groups: number): Values {
  const [channels, outputs, ...kernel] = weights.shape as [number, number, ...number[]];
  const [height, width] = pairOf(kernel, 1);
  const grouped = reshaped(flipped(weights, kernel.length), [groups, channels / groups, outputs, height * width]);
  const { data } = transposed(grouped, [0, 2, 3, 1]);
  return { shape: [groups * outputs, height, width, channels / groups], data };
}

const turnedMatrix = (matrix: Values): Values => transposed(matrix, [1, 0]);

/** Returns a matrix [R, C] times a number, as a tensor of two dimensions. */
function scaledMatrix(call: Call, { shape, data }: Values, factor: number): Tensor {
  const [rows, columns] = shape as Pair;
  if (factor === 1) return call.feed({ shape, data });
  return flatten(scaled(call.feed({ shape: [rows, 1, 1, columns], data }), factor));
}

/** alpha A B + beta C */
async function gemm(call: Call): Promise<Values[]> {
  const a = call.number('transA', 0) ? turnedMatrix(call.floats(0)) : call.floats(0);
  // linear() has one row of weights per output, so B is wanted turned.
  const weights = call.number('transB', 0) ? call.floats(1) : turnedMatrix(call.floats(1));
  const c = call.optional(2);
  const [rows, outputs] = [a.shape[0]!, weights.shape[0]!];
  const beta = call.number('beta', 1);
  const x = scaledMatrix(call, a, call.number('alpha', 1));
  const back = (result: Values) => result;
  if (!c) return call.compute([[linear(x, call.feed(weights)), back]]);
  const isVector = beta === 1 && sizeOf(c.shape.slice(0, -1)) === 1;
  if (isVector) {
    const bias = call.feed(broadcast(reshaped(c, [c.data.length]), [outputs]));
    return call.compute([[linear(x, call.feed(weights), { bias }), back]]);
  }
  const added = scaledMatrix(call, broadcast(c, [rows, outputs]), beta);
  return call.compute([[add(linear(x, call.feed(weights)), added), back]]);
}

/** Several matrices at once are the groups of a convolution with windows of one pixel. */
async function matrixProduct(call: Call): Promise<Values[]> {
  const [left, right] = [call.floats(0), call.floats(1)];
  const a = left.shape.length === 1 ? reshaped(left, [1, left.data.length]) : left;
  const b = right.shape.length === 1 ? reshaped(right, [right.data.length, 1]) : right;
  const batch = commonShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [rows, inner] = a.shape.slice(-2) as [number, number];
  const outputs = b.shape.at(-1)!;
  const kept = [...(left.shape.length === 1 ? [] : [rows]), ...(right.shape.length === 1 ? [] : [outputs])];
  const shape = [...batch, ...kept];
  if (batch.length === 0) {
    const y = linear(call.feed(a), call.feed(turnedMatrix(b)));
    return call.compute([[y, (result) => reshaped(result, shape)]]);
  }
  const count = sizeOf(batch);
  const images = reshaped(broadcast(a, [...batch, rows, inner]), [count, rows, inner]);
  const weights = reshaped(broadcast(b, [...batch, inner, outputs]), [count, inner, outputs]);
  const x = reshaped(transposed(images, [1, 0, 2]), [1, rows, 1, count * inner]);
  const w = reshaped(transposed(weights, [0, 2, 1]), [count * outputs, 1, 1, inner]);
  const y = conv2d(call.feed(x), call.feed(w, { image: false }), { groups: count });
  const back = (result: Values) => reshaped(transposed(reshaped(result, [rows, count, outputs]), [1, 0, 2]), shape);
  return call.compute([[y, back]]);
}

/** Convolutions and matrix products. */
export const convolutionOperators: Operators = {
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  Gemm: gemm,
  MatMul: matrixProduct,
};
