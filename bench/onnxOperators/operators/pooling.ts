/** ONNX's poolings, reductions and enlargements: the ops of pooling. */
import {
  averagePool,
  constant,
  conv2d,
  globalAveragePool,
  globalMaxPool,
  maxPool,
  multiply,
  type PoolOptions,
  type Tensor,
  upsample,
} from '../../../lib';
import { axisOf, imageOf, reshaped, sizeOf, transposed } from '../arrange';
import { type Call, type Operator, type Operators, withoutOp } from '../call';
import type { Values } from '../case';
import { NotClaimed } from '../reasons';
import { factorsOf } from './resize';
import { extentOf, type Windows, windowsOf } from './windows';

/** Returns an image and its windows. */
function pooled(call: Call): {
  readonly values: Values;
  readonly back: (y: Values) => Values;
  readonly windows: Windows;
} {
  const arranged = imageOf(call.floats(0));
  const [, height, width] = arranged.values.shape as [number, number, number, number];
  return { ...arranged, windows: windowsOf(call, [height, width], call.numbers('kernel_shape') ?? []) };
}

/** Returns the options of a pooling. @throws NotClaimed for windows that it does not have */
function poolOptions(call: Call, { kernel, stride, dilation, padding }: Windows): PoolOptions {
  if (dilation.some((step, axis) => step !== 1 && kernel[axis] !== 1)) throw new NotClaimed('dilation');
  if (sizeOf(kernel) > 256) throw new NotClaimed('window');
  if (padding.some((side, index) => side >= kernel[index < 2 ? 0 : 1]!)) throw new NotClaimed('padding');
  return { kernel, stride, padding, ceil: call.number('ceil_mode', 0) === 1 };
}

async function largest(call: Call): Promise<Values[]> {
  const { values, back, windows } = pooled(call);
  return call.compute([[maxPool(call.feed(values), poolOptions(call, windows)), back]]);
}

async function average(call: Call): Promise<Values[]> {
  const { values, back, windows } = pooled(call);
  const countsPadding = call.number('count_include_pad', 0) === 1 && windows.padding.some((side) => side > 0);
  const isDilated = windows.dilation.some((step) => step !== 1);
  const x = call.feed(values);
  if (countsPadding || isDilated) return call.compute([[averageOfAll(call, x, windows, countsPadding), back]]);
  return call.compute([[averagePool(x, poolOptions(call, windows)), back]]);
}

/** An average that counts padding, or of windows with gaps, is a depthwise convolution with equal weights. */
function averageOfAll(call: Call, x: Tensor, windows: Windows, countsPadding: boolean): Tensor {
  const { kernel, padding, stride, dilation } = windows;
  if (!countsPadding && padding.some((side) => side > 0)) throw new NotClaimed('dilation');
  if (call.number('ceil_mode', 0) === 1 && cutsWindows(x, windows)) throw new NotClaimed('ceil');
  const channels = x.shape[3]!;
  const shape = [channels, ...kernel, 1];
  const weights = constant(new Float32Array(sizeOf(shape)).fill(1 / sizeOf(kernel)), shape);
  return conv2d(x, weights, { padding, stride, dilation, groups: channels });
}

/** Whether a size that is rounded up has a last window that ends behind the padding. */
function cutsWindows(x: Tensor, { kernel, stride, dilation, padding }: Windows): boolean {
  return [0, 1].some((axis) => {
    const size = x.shape[1 + axis]!;
    const [before, behind] = [padding[2 * axis]!, padding[2 * axis + 1]!];
    const steps = (size + before + behind - extentOf(kernel[axis]!, dilation[axis]!)) / stride[axis]!;
    // A window that would begin behind the image does not count.
    const last = Math.min(Math.ceil(steps), Math.floor((size + before - 1) / stride[axis]!));
    return last > Math.floor(steps);
  });
}

type Reduction = (x: Tensor) => Tensor;

/** An operator that reduces all but the first two dimensions to 1. */
function overImage(reduce: Reduction): Operator {
  return async (call) => {
    const { shape, data } = call.floats(0);
    const [batch, channels, ...sides] = shape as [number, number, ...number[]];
    const { values } = imageOf({ shape: [batch, channels, sizeOf(sides.slice(0, -1)), sides.at(-1)!], data });
    const back = (result: Values) => reshaped(result, [batch, channels, ...sides.map(() => 1)]);
    return call.compute([[reduce(call.feed(values)), back]]);
  };
}

/** Returns the axes that a reduction is over: an attribute in older versions, an input in newer ones. */
function reducedAxes(call: Call, rank: number): number[] {
  const axes = call.numbers('axes') ?? call.integers(1) ?? [];
  if (axes.length > 0) return axes.map((axis) => axisOf(axis, rank));
  return call.number('noop_with_empty_axes', 0) ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

/** An operator that reduces any axes: they become the height of an image. `reduce` gets the number of values of each result. */
function overAxes(reduce: (x: Tensor, count: number) => Tensor): Operator {
  return async (call) => {
    const values = call.floats(0);
    const { shape } = values;
    const axes = reducedAxes(call, shape.length);
    const all = shape.map((_, axis) => axis);
    const kept = all.filter((axis) => !axes.includes(axis));
    const outer = kept.filter((axis) => axis < Math.min(...axes));
    const inner = kept.filter((axis) => !outer.includes(axis));
    const [n, height, channels] = [outer, axes, inner].map((group) => sizeOf(group.map((axis) => shape[axis]!))) as [
      ...[number, number, number],
    ];
    const moved = transposed(values, [...outer, ...axes, ...inner]);
    const x = call.feed(reshaped(moved, [n, height, 1, channels]));
    const keeps = call.number('keepdims', 1) === 1;
    const left = keeps ? shape.map((side, axis) => (axes.includes(axis) ? 1 : side)) : kept.map((axis) => shape[axis]!);
    return call.compute([[reduce(x, height), (result) => reshaped(result, left)]]);
  };
}

/** Repeats pixels. */
async function enlarged(call: Call): Promise<Values[]> {
  const x = call.floats(0);
  const factor = factorsOf(call, x.shape);
  const { tensor, back } = call.feedArranged(imageOf(x));
  return call.compute([[upsample(tensor, { factor }), back]]);
}

/** Poolings, reductions and enlargements. */
export const poolingOperators: Operators = {
  MaxPool: largest,
  AveragePool: average,
  GlobalAveragePool: overImage((x) => globalAveragePool(x)),
  GlobalMaxPool: overImage((x) => globalMaxPool(x)),
  ReduceMean: overAxes((x) => globalAveragePool(x)),
  ReduceMax: overAxes((x) => globalMaxPool(x)),
  ReduceSum: overAxes((x, count) => multiply(globalAveragePool(x), count)),
  ReduceMin: overAxes((x) => multiply(globalMaxPool(multiply(x, -1)), -1)),
  ReduceSumSquare: overAxes((x, count) => multiply(globalAveragePool(multiply(x, x)), count)),
  Resize: enlarged,
  Upsample: enlarged,
  TopK: withoutOp('indices'),
};
