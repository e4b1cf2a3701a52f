/** The table of element types, one row per type, and the arrays that values are given in. */
import { types } from 'node:util';
import { invalid } from '../errors';
import type { ArrayDType, DType, TypedArray } from './native';

/**
 * Arrays of values that saturnn takes. A Uint8ClampedArray (the pixels of a canvas) is the Uint8Array with the same bytes. A
 * Float64Array is rounded to float32, as Float32Array.from() does; a finite number that is too large for that is refused. Other
 * typed arrays are refused: the caller says how to convert them. Arrays of another realm (node:vm, Jest) are taken as well.
 */
export type GivenArray = TypedArray | Uint8ClampedArray | Float64Array;

interface ArrayClass {
  new (values: ArrayLike<number>): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
}

interface DTypeRow {
  /** Bytes per element. */
  readonly bytes: number;
  /** Class of the arrays that hold such elements outside of plans; null for the types that exist only inside a plan. */
  readonly array: ArrayClass | null;
  /** Whether a value is such an array, also one of another realm, which `instanceof` does not know. */
  readonly is: (value: unknown) => boolean;
}

const never = () => false;
const table: Readonly<Record<DType, DTypeRow>> = {
  f32: { bytes: 4, array: Float32Array, is: types.isFloat32Array },
  i32: { bytes: 4, array: Int32Array, is: types.isInt32Array },
  u8: { bytes: 1, array: Uint8Array, is: types.isUint8Array },
  bf16: { bytes: 2, array: null, is: never },
  f16: { bytes: 2, array: null, is: never },
};

/** The element types that inputs, outputs and constants can have. */
export const arrayDTypes = (Object.keys(table) as DType[]).filter(
  (dtype): dtype is ArrayDType => table[dtype].array !== null,
);

/** Returns the element type of a typed array; undefined for every other value. */
const dtypeIn = (value: unknown): ArrayDType | undefined => arrayDTypes.find((dtype) => table[dtype].is(value));

/** Returns the element type of a typed array. @throws ERR_INVALID_ARGUMENT for another kind of array, naming `argument` */
export function dtypeOf(array: TypedArray, argument = 'data'): ArrayDType {
  const dtype = dtypeIn(array);
  if (!dtype) throw invalid(argument, 'a Float32Array, Int32Array or Uint8Array', array);
  return dtype;
}

/**
 * Returns values as one of the arrays of elements: the given array itself, or, of the others that a GivenArray may be, one that
 * is converted (see there).
 * @throws ERR_INVALID_ARGUMENT for anything else, naming `argument`
 */
export function typedArrayOf(value: GivenArray, argument: string): TypedArray {
  if (dtypeIn(value)) return value as TypedArray;
  if (types.isUint8ClampedArray(value)) return new Uint8Array(value.buffer, value.byteOffset, value.length);
  if (types.isFloat64Array(value)) return rounded(value, argument);
  throw invalid(argument, 'a Float32Array, Int32Array or Uint8Array', value);
}

/** Rounds doubles to float32. @throws ERR_INVALID_ARGUMENT for a finite number that would become infinite */
function rounded(values: Float64Array, argument: string): Float32Array {
  const floats = Float32Array.from(values);
  const wrong = floats.findIndex((value, index) => !Number.isFinite(value) && Number.isFinite(values[index]));
  if (wrong >= 0) throw invalid(`${argument}[${wrong}]`, 'a number that fits in float32', values[wrong]);
  return floats;
}

/**
 * Returns a copy of the values in a new array of this realm, which the caller cannot change: for arguments that are used after
 * an `await`.
 * @throws ERR_INVALID_ARGUMENT as typedArrayOf()
 */
export function copyOf(value: GivenArray, argument: string): TypedArray {
  const array = typedArrayOf(value, argument);
  try {
    return new table[dtypeOf(array)].array!(array);
  } catch (cause) {
    if (cause instanceof RangeError) throw cause;
    throw invalid(argument, 'an array whose memory was not given away', value);
  }
}

/** Returns the bytes of a Uint8Array or Uint8ClampedArray, not copied. @throws ERR_INVALID_ARGUMENT, naming `argument` */
export function bytesOf(value: GivenArray, argument: string): Uint8Array {
  if (types.isUint8Array(value)) return value;
  if (types.isUint8ClampedArray(value)) return typedArrayOf(value, argument) as Uint8Array;
  throw invalid(argument, 'a Uint8Array', value);
}

/** Returns the array in a new view that is of this realm: the addon makes its arrays in the realm that has loaded it. */
export function ofThisRealm(array: TypedArray): TypedArray {
  const own = table[dtypeOf(array)].array!;
  return array instanceof own ? array : new own(array.buffer, array.byteOffset, array.length);
}

/** Returns the bytes of one element. */
export const bytesPerElement = (dtype: DType): number => table[dtype].bytes;
