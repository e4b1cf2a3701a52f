/** ONNX's convolutions and matrix products: conv2d() and linear(). */
import { add, affine, constant, conv2d, flatten, gradient, linear, mean, multiply, type Tensor } from '../../../lib';
import { broadcast, commonShape, imageOf, reshaped, sizeOf, transposed } from '../arrange';
import type { Call, Operators } from '../call';
import type { Values } from '../case';
import { NotClaimed } from '../reasons';
import { extentOf, pairOf, type Windows, windowsOf } from './windows';

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

/** Where a transposed convolution lies along one axis: the size of its result, and what it cuts off before and behind. */
interface Extent {
  readonly size: number;
  readonly before: number;
  readonly behind: number;
}

/** Returns where a transposed convolution lies along an axis of `from` pixels. */
function extentsOf(call: Call, from: number, axis: number, { kernel, stride, dilation, padding }: Windows): Extent {
  const [before, behind] = [padding[2 * axis]!, padding[2 * axis + 1]!];
  // The attributes of an image without height are about its width.
  const of = (name: string, count: number) => pairOf(call.numbers(name) ?? [0], count)[axis]!;
  const more = of('output_padding', 0);
  const full = (from - 1) * stride[axis]! + extentOf(kernel[axis]!, dilation[axis]!) + more;
  const automatic = call.text('auto_pad', 'NOTSET');
  const asked = call.numbers('output_shape') ? of('output_shape', 1) : null;
  if (!automatic.startsWith('SAME') && asked === null) return { size: full - before - behind, before, behind };
  const size = asked ?? from * stride[axis]!;
  const total = Math.max(0, full - size);
  const first = automatic === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
  return { size, before: first, behind: total - first };
}

/** A transposed convolution is the gradient of a convolution with respect to its image, whatever that is. */
async function transposedConvolution(call: Call): Promise<Values[]> {
  const [x, weights, bias] = [call.floats(0), call.floats(1), call.optional(2)];
  const { tensor: dy, back } = call.feedArranged(imageOf(x));
  const [batch, height, width] = dy.shape as [number, number, number, number];
  const groups = call.number('group', 1);
  const windows = windowsOf(call, [height, width], weights.shape.slice(2));
  const [rows, columns] = [extentsOf(call, height, 0, windows), extentsOf(call, width, 1, windows)];
  const shape = [batch, rows.size, columns.size, groups * weights.shape[1]!];
  const image = call.feed({ shape, data: new Float32Array(sizeOf(shape)) });
  const y = conv2d(image, call.feed(channelsLast(weights), { image: false }), {
    padding: [rows.before, rows.behind, columns.before, columns.behind],
    ...{ stride: windows.stride, dilation: windows.dilation, groups },
  });
  if (String(y.shape) !== String(dy.shape)) throw new NotClaimed('padding');
  const loss = mean(flatten(multiply(y, dy)));
  const [dx] = gradient(loss, [image], constant([y.size])) as [Tensor];
  return call.compute([[bias ? affine(dx, { bias: call.feed(bias) }) : dx, back]]);
}

const turnedMatrix = (matrix: Values): Values => transposed(matrix, [1, 0]);

/** Returns a matrix times a number, as a tensor. */
const scaledMatrix = (call: Call, matrix: Values, factor: number): Tensor =>
  factor === 1 ? call.feed(matrix) : multiply(call.feed(matrix), factor);

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
