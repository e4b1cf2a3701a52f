/** The arenas of a State: their names, and places within them. */
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
