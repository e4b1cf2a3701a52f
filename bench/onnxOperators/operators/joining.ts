/** ONNX's operators that move or keep values: concat(), slice(), flatten(), copy(), and dropout(). */
import { concat, constant, copy, dropout, flatten, slice } from '../../../lib';
import { axisOf, channelsAre, elementsOf, sizeOf } from '../arrange';
import type { Call, Operators } from '../call';
import type { Values } from '../case';
import { NotClaimed } from '../reasons';

async function joined(call: Call): Promise<Values[]> {
  const parts = call.all();
  const axis = axisOf(call.number('axis', 1), parts[0]!.shape.length);
  const arranged = parts.map((part) => channelsAre(axis, part));
  const tensors = arranged.map(({ values }) => call.feed(values));
  return call.compute([[concat(tensors), arranged[0]!.back]]);
}

/** Returns `starts`, `ends`, `axes` or `steps` of a Slice: attributes until version 9, inputs since. */
const given = (call: Call, name: string, index: number): number[] | null => call.numbers(name) ?? call.integers(index);

/** Returns a place in an axis that may be counted from its end, or be outside of it. */
const placeIn = (size: number, place: number): number => Math.min(size, Math.max(0, place < 0 ? place + size : place));

async function sliced(call: Call): Promise<Values[]> {
  const x = call.floats(0);
  const [starts, ends] = [given(call, 'starts', 1) ?? [], given(call, 'ends', 2) ?? []];
  const axes = given(call, 'axes', 3) ?? starts.map((_, index) => index);
  const steps = given(call, 'steps', 4) ?? starts.map(() => 1);
  if (steps.some((step) => step !== 1)) throw new NotClaimed('axes');
  const ranges = axes.map((number, index) => {
    const axis = axisOf(number, x.shape.length);
    const size = x.shape[axis]!;
    return { axis, size, begin: placeIn(size, starts[index]!), end: placeIn(size, ends[index]!) };
  });
  if (ranges.some(({ begin, end }) => begin >= end)) throw new NotClaimed('empty');
  const parts = ranges.filter(({ begin, end, size }) => begin > 0 || end < size);
  if (parts.length > 1) throw new NotClaimed('axes');
  const { axis, begin, end } = parts[0] ?? ranges[0]!;
  const { tensor, back } = call.feedArranged(channelsAre(axis, x));
  return call.compute([[slice(tensor, { channelOffset: begin, channels: end - begin }), back]]);
}

/** Returns the sizes of a Split's parts: given, or equal with a smaller last one. */
function partsOf(call: Call, size: number): number[] {
  const sizes = call.numbers('split') ?? call.integers(1);
  if (sizes) return sizes;
  const count = call.number('num_outputs', call.node.outputs.length);
  const each = Math.ceil(size / count);
  return Array.from({ length: count }, (_, index) => Math.min(each, size - index * each));
}

async function split(call: Call): Promise<Values[]> {
  const x = call.floats(0);
  const axis = axisOf(call.number('axis', 0), x.shape.length);
  const sizes = partsOf(call, x.shape[axis]!);
  if (sizes.some((size) => size < 1)) throw new NotClaimed('empty');
  const { tensor, back } = call.feedArranged(channelsAre(axis, x));
  let channelOffset = 0;
  const results = sizes.map((channels) => {
    const part = slice(tensor, { channelOffset, channels });
    channelOffset += channels;
    return [part, back] as const;
  });
  return call.compute(results);
}

/** Makes rows of values: the axes before `axis` are the rows, and those from it on the columns. */
async function asRows(call: Call, { shape, data }: Values, axis: number): Promise<Values[]> {
  const columns = shape.slice(axis);
  const sides = [sizeOf(columns.slice(0, -2)), ...[1, 1, ...columns].slice(-2)];
  const image = call.feed({ shape: [sizeOf(shape.slice(0, axis)), ...sides], data });
  return call.compute([[flatten(image), (result) => result]]);
}

async function flattened(call: Call): Promise<Values[]> {
  const x = call.floats(0);
  const axis = call.number('axis', 1);
  return asRows(call, x, axis < 0 ? axis + x.shape.length : axis);
}

/** A Reshape to two dimensions is a flatten where its rows are whole axes. */
async function reshape(call: Call): Promise<Values[]> {
  const x = call.floats(0);
  const asked = call.numbers('shape') ?? call.integers(1) ?? [];
  const named = asked.map((side, axis) => (side === 0 ? x.shape[axis]! : side));
  const rest = x.data.length / sizeOf(named.filter((side) => side !== -1));
  const shape = named.map((side) => (side === -1 ? rest : side));
  const axis = x.shape.findIndex((_, index) => sizeOf(x.shape.slice(0, index)) === shape[0]);
  if (shape.length !== 2 || axis < 0) throw new NotClaimed('shape');
  return asRows(call, x, axis);
}

async function copied(call: Call): Promise<Values[]> {
  const { values, back, image } = elementsOf(call.floats(0));
  return call.compute([[copy(call.feed(values, { image })), back]]);
}

/** In inference dropout changes nothing; with the rate 0 it draws numbers but drops none. */
async function dropped(call: Call): Promise<Values[]> {
  call.giveAtMost(1);
  const isTraining = call.integers(2)?.[0] === 1;
  if (!isTraining) return copied(call);
  if (call.optional(1)?.data[0] !== 0) throw new NotClaimed('random');
  const { values, back, image } = elementsOf(call.floats(0));
  const counter = constant(new Int32Array(2));
  return call.compute([[dropout(call.feed(values, { image }), counter, { rate: 0, stream: 0 }), back]]);
}

/** Operators that move or keep values. */
export const joiningOperators: Operators = {
  Concat: joined,
  Slice: sliced,
  Split: split,
  Flatten: flattened,
  Reshape: reshape,
  Identity: copied,
  Dropout: dropped,
};
