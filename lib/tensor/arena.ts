/** The arenas of a State: their names, and places within them. */
import { invalid } from '../errors';
import { oneOf } from '../options/field';
import { bytesPerElement } from '../runtime/dtypes';
import type { Arena } from '../runtime/native';

/** The arenas that a checkpoint saves: all but the gradients, which every step computes anew. */
export const savedArenas = ['parameters', 'optimizer', 'buffers'] as const satisfies readonly Arena[];

/** Parameters and buffers begin at multiples of 64 bytes, so that every kernel's vectors are aligned; the gaps stay 0. */
export const alignmentBytes = 64;
export const f32Bytes = bytesPerElement('f32');
export const alignment = alignmentBytes / f32Bytes;

/** Bytes of the counter at the beginning of the arena `buffers`: seed and steps done, an i32 each. */
export const counterBytes = 2 * bytesPerElement('i32');

/** Returns the number of steps done from a copy of the arena `buffers`; undefined if it is too short to hold it. */
export function stepsIn(buffers: Uint8Array): number | undefined {
  const steps = Buffer.from(buffers.subarray(counterBytes / 2, counterBytes));
  return steps.length < counterBytes / 2 ? undefined : steps.readInt32LE();
}

/** A range of bytes within an arena. */
export interface ArenaPlace {
  readonly arena: Arena;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Accepts the arenas that consist of vectors of the parameters' size. */
export const vectorsField = oneOf<Exclude<Arena, 'buffers'>>(['parameters', 'optimizer', 'gradients']);
/** Accepts the name of an arena. */
export const arenaField = oneOf<Arena>(['parameters', 'optimizer', 'gradients', 'buffers']);
/** Accepts the name of one of a parameter's values. */
export const whichField = oneOf<'parameters' | 'gradients' | 'averages'>(['parameters', 'gradients', 'averages']);

/**
 * Lays tensors out one after the other, each aligned.
 * @param begin index of the first element that is free
 * @returns the index of each tensor's first element, and of the first element that is free after them
 */
export function layOut<T extends { readonly size: number }>(
  tensors: readonly T[],
  begin = 0,
): { readonly offsets: ReadonlyMap<T, number>; readonly end: number } {
  const offsets = new Map<T, number>();
  let end = begin;
  for (const tensor of tensors) {
    offsets.set(tensor, end);
    end += Math.ceil(tensor.size / alignment) * alignment;
  }
  return { offsets, end };
}

/** A parameter as far as its place in an arena depends on it. */
interface Placed {
  readonly name: string;
  readonly size: number;
  /** Whether weight decay applies. */
  readonly decay: boolean;
}

/**
 * Lays out the arena of the parameters: first those that are trained, and of these first those with weight decay.
 * @param frozen those, of all, that are not trained
 * @returns both kinds in their order; the index of each one's first element; and the numbers of elements of all, of those that are
 * trained, and of those that decay
 * @throws ERR_INVALID_ARGUMENT if none is left to train, or `frozen` holds others
 */
export function layOutParameters<P extends Placed>(all: readonly P[], frozen: readonly P[]) {
  const other = frozen.find((parameter) => !all.includes(parameter));
  if (other) throw invalid('frozen', 'Parameters of this State', other.name);
  const fixed = new Set(frozen);
  const free = all.filter((parameter) => !fixed.has(parameter));
  if (free.length === 0) throw invalid('frozen', 'at least one Parameter that is left to train', 'all of them');
  const trained = [...free.filter(({ decay }) => decay), ...free.filter(({ decay }) => !decay)];
  const fixedInOrder = all.filter((parameter) => fixed.has(parameter));
  const { offsets, end } = layOut([...trained, ...fixedInOrder]);
  const firstOf = (parameter: P | undefined) => parameter && offsets.get(parameter);
  const size = firstOf(fixedInOrder[0]) ?? end;
  const decayed = firstOf(trained.find(({ decay }) => !decay)) ?? size;
  return { trained, frozen: fixedInOrder, offsets, all: end, size, decayed };
}
