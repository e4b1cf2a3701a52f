/** ONNX's arithmetic element by element: add() and affine(). */
import { activate, add, affine, clamp, copy, multiply, relu, type Tensor } from '../../../lib';
import {
  type Arranged,
  axisOf,
  broadcast,
  commonShape,
  elementsOf,
  imageOf,
  reshaped,
  rowsOf,
  sizeOf,
} from '../arrange';
import { type Call, type Operators, withoutOp } from '../call';
import type { Values } from '../case';

/** An image, and what affine() takes for its channels. */
interface Paired {
  readonly image: Tensor;
  readonly vector: Tensor;
  readonly back: Arranged['back'];
}

/** Whether a shape, broadcast to [N, C, H, W], has a number per channel, of all images or of each. */
function isPerChannel(shape: readonly number[], [batch, channels]: readonly number[]): boolean {
  const [n, c, height, width] = [...new Array<number>(4 - shape.length).fill(1), ...shape];
  return c === channels && height === 1 && width === 1 && (n === 1 || n === batch);
}

/** Returns x, broadcast to the common shape of both, as an image, and y as numbers per channel of it. */
function paired(call: Call, x: Values, y: Values): Paired {
  const shape = commonShape(x.shape, y.shape);
  const whole = broadcast(x, shape);
  if (shape.length === 4 && isPerChannel(y.shape, shape)) {
    const { tensor, back } = call.feedArranged(imageOf(whole));
    const perImage = y.data.length !== shape[1];
    return { image: tensor, vector: call.feed(reshaped(y, perImage ? shape.slice(0, 2) : [shape[1]!])), back };
  }
  const inner = y.shape.slice(y.shape.findIndex((side) => side !== 1));
  if (inner.length > 0 && String(shape.slice(-inner.length)) === String(inner)) {
    const channels = sizeOf(inner);
    const image = call.feed(reshaped(whole, [sizeOf(shape) / channels, 1, 1, channels]));
    return { image, vector: call.feed(reshaped(y, [channels])), back: (result) => reshaped(result, shape) };
  }
  const { values, back } = rowsOf(whole);
  const [rows, , , channels] = values.shape as [number, number, number, number];
  return { image: call.feed(values), vector: call.feed(reshaped(broadcast(y, shape), [rows, channels])), back };
}

/** Returns two operands. Until version 6 an attribute said at which axis of the first the second begins. */
function bothOf(call: Call): [Values, Values] {
  const [x, y] = [call.floats(0), call.floats(1)];
  const axis = call.number('axis', Number.NaN);
  if (Number.isNaN(axis)) return [x, y];
  const behind = x.shape.length - axisOf(axis, x.shape.length) - y.shape.length;
  return [x, reshaped(y, [...y.shape, ...new Array<number>(behind).fill(1)])];
}

/** Returns two operands, the larger one first: it is the image that affine() changes. */
function largerFirst(call: Call): [Values, Values] {
  const [x, y] = bothOf(call);
  return x.data.length >= y.data.length ? [x, y] : [y, x];
}

async function product(call: Call): Promise<Values[]> {
  const [x, y] = largerFirst(call);
  if (String(x.shape) === String(y.shape)) {
    const { values, back, image } = elementsOf(x);
    const other = call.feed(elementsOf(y).values, { image });
    return call.compute([[multiply(call.feed(values, { image }), other), back]]);
  }
  const { image, vector, back } = paired(call, x, y);
  return call.compute([[affine(image, { scale: vector }), back]]);
}

async function sumOfTwo(call: Call): Promise<Values[]> {
  const [x, y] = largerFirst(call);
  if (String(x.shape) === String(y.shape)) return sum(call);
  const { image, vector, back } = paired(call, x, y);
  return call.compute([[affine(image, { bias: vector }), back]]);
}

async function sum(call: Call): Promise<Values[]> {
  const operands = call.all();
  const shape = commonShape(...operands.map((operand) => operand.shape));
  const arranged = operands.map((operand) => elementsOf(broadcast(operand, shape)));
  const tensors = arranged.map(({ values, image }) => call.feed(values, { image }));
  // A sum of one is the tensor itself, and no op.
  return call.compute([[tensors.length === 1 ? copy(tensors[0]!) : add(...tensors), arranged[0]!.back]]);
}

/** x - y = x + (-1) y */
async function difference(call: Call): Promise<Values[]> {
  const [x, y] = bothOf(call);
  const shape = commonShape(x.shape, y.shape);
  const { tensor, back } = call.feedArranged(rowsOf(broadcast(x, shape)));
  const negative = multiply(call.feed(rowsOf(broadcast(y, shape)).values), -1);
  return call.compute([[add(tensor, negative), back]]);
}

async function mean(call: Call): Promise<Values[]> {
  const operands = call.all();
  const shape = commonShape(...operands.map((operand) => operand.shape));
  const arranged = operands.map((operand) => rowsOf(broadcast(operand, shape)));
  const total = add(...arranged.map(({ values }) => call.feed(values)));
  return call.compute([[multiply(total, 1 / operands.length), arranged[0]!.back]]);
}

/** relu(x) + slope min(x, 0), with a slope per element or channel */
async function prelu(call: Call): Promise<Values[]> {
  const [x, given] = [call.floats(0), call.floats(1)];
  // Until version 6, slopes were always those of the channels.
  const isOld = call.version < 7 && given.data.length > 1 && given.shape.length === 1;
  const slope = isOld ? reshaped(given, [given.data.length, ...x.shape.slice(2).map(() => 1)]) : given;
  const { image, vector, back } = paired(call, x, slope);
  const below = affine(clamp(image, { high: 0 }), { scale: vector });
  return call.compute([[add(activate(image, relu()), below), back]]);
}

async function negative(call: Call): Promise<Values[]> {
  const { tensor, back } = call.feedArranged(rowsOf(call.floats(0)));
  return call.compute([[multiply(tensor, -1), back]]);
}

/** relu(x) + relu(-x) */
async function magnitude(call: Call): Promise<Values[]> {
  const { tensor, back } = call.feedArranged(rowsOf(call.floats(0)));
  return call.compute([[add(activate(tensor, relu()), activate(multiply(tensor, -1), relu())), back]]);
}

/** Arithmetic element by element. */
export const elementwiseOperators: Operators = {
  Add: sumOfTwo,
  Sum: sum,
  Mul: product,
  Sub: difference,
  Div: withoutOp('division'),
  Mean: mean,
  PRelu: prelu,
  Neg: negative,
  Abs: magnitude,
};
