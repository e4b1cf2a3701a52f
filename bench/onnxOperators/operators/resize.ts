/** Which pixels ONNX's Resize takes, and whether upsample() repeats the same ones. */
import { axisOf } from '../arrange';
import type { Call } from '../call';
import { floatsOf } from '../case';
import { NotClaimed } from '../reasons';
import type { Pair } from './windows';

/** How an axis is resized: its new size, and the factor by which coordinates are divided. */
interface Resized {
  readonly size: number;
  readonly scale: number;
}

type Position = (index: number, from: number, to: Resized) => number;

/** Where a pixel of the result lies in the image, by ONNX's `coordinate_transformation_mode`. */
const positions: Readonly<Record<string, Position>> = {
  half_pixel: (index, _, { scale }) => (index + 0.5) / scale - 0.5,
  half_pixel_symmetric(index, from, { size, scale }) {
    const adjustment = size / (scale * from);
    return (from / 2) * (1 - adjustment) + (index + 0.5) / scale - 0.5;
  },
  pytorch_half_pixel: (index, _, { size, scale }) => (size > 1 ? (index + 0.5) / scale - 0.5 : 0),
  align_corners: (index, from, { size }) => (size > 1 ? (index * (from - 1)) / (size - 1) : 0),
  asymmetric: (index, _, { scale }) => index / scale,
};

/** The nearest pixel, by ONNX's `nearest_mode`. */
const roundings: Readonly<Record<string, (position: number) => number>> = {
  round_prefer_floor: (position) => Math.ceil(position - 0.5),
  round_prefer_ceil: (position) => Math.floor(position + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Returns the new size of each axis that a node resizes. */
function resizedAxes(call: Call, shape: readonly number[]): Resized[] {
  const axes = call.numbers('axes')?.map((axis) => axisOf(axis, shape.length)) ?? shape.map((_, axis) => axis);
  const same = shape.map((size): Resized => ({ size, scale: 1 }));
  const isOld = call.node.operator === 'Upsample' || call.version < 11;
  const given = call.numbers('scales') ?? scalesOf(call, isOld ? 1 : 2);
  if (given) {
    for (const [index, axis] of axes.entries())
      same[axis] = { size: Math.floor(shape[axis]! * given[index]!), scale: given[index]! };
    return same;
  }
  const sizes = call.integers(3);
  if (!sizes) throw new NotClaimed('mode');
  const ratios = axes.map((axis, index) => sizes[index]! / shape[axis]!);
  const policy = call.text('keep_aspect_ratio_policy', 'stretch');
  const common = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  for (const [index, axis] of axes.entries()) {
    const stretched = { size: sizes[index]!, scale: ratios[index]! };
    same[axis] = policy === 'stretch' ? stretched : { size: Math.floor(common * shape[axis]! + 0.5), scale: common };
  }
  return same;
}

/** Returns the factors that are an input; null if it is absent or empty, as it is where sizes are given. */
function scalesOf(call: Call, index: number): number[] | null {
  const array = call.inputs[index];
  return array && array.bytes.length > 0 ? Array.from(floatsOf(array).data) : null;
}

/**
 * Returns by which factors height and width of [N, C, H, W] grow.
 * @throws NotClaimed for another interpolation than the nearest pixel, and where that does not repeat every pixel equally often
 */
export function factorsOf(call: Call, shape: readonly number[]): Pair {
  if (call.text('mode', 'nearest') !== 'nearest') throw new NotClaimed('mode');
  const isOld = call.node.operator === 'Upsample' || call.version < 11;
  const place = positions[call.text('coordinate_transformation_mode', isOld ? 'asymmetric' : 'half_pixel')];
  const round = roundings[call.text('nearest_mode', isOld ? 'floor' : 'round_prefer_floor')];
  if (!place || !round) throw new NotClaimed('mode');
  if (shape.length !== 4) throw new NotClaimed('rank');
  const factors = resizedAxes(call, shape).map((to, axis) => {
    const from = shape[axis]!;
    const factor = to.size / from;
    const repeats = Array.from({ length: to.size }, (_, index) => {
      const pixel = Math.min(from - 1, Math.max(0, round(place(index, from, to))));
      return pixel === Math.floor(index / factor);
    });
    if (!Number.isInteger(factor) || repeats.includes(false)) throw new NotClaimed('factor');
    return factor;
  });
  if (factors[0] !== 1 || factors[1] !== 1) throw new NotClaimed('factor');
  return [factors[2]!, factors[3]!];
}
