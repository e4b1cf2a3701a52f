/** The table of element types: one row per type. */
import { invalid } from '../errors';
import type { ArrayDType, DType, TypedArray } from './native';

interface DTypeRow {
  /** Bytes per element. */
  readonly bytes: number;
  /** Class of the arrays that hold such elements outside of plans; null for the types that exist only inside a plan. */
  readonly array: (new (length: number) => TypedArray) | null;
}

const table: Readonly<Record<DType, DTypeRow>> = {
  f32: { bytes: 4, array: Float32Array },
  i32: { bytes: 4, array: Int32Array },
  u8: { bytes: 1, array: Uint8Array },
  bf16: { bytes: 2, array: null },
  f16: { bytes: 2, array: null },
};

/** The element types that inputs, outputs and constants can have. */
export const arrayDTypes = (Object.keys(table) as DType[]).filter(
  (dtype): dtype is ArrayDType => table[dtype].array !== null,
);

/** Returns the element type of a typed array. @throws ERR_INVALID_ARGUMENT for another kind of array, naming `argument` */
export function dtypeOf(array: TypedArray, argument = 'data'): ArrayDType {
  const dtype = arrayDTypes.find((candidate) => array instanceof table[candidate].array!);
  if (!dtype) throw invalid(argument, 'a Float32Array, Int32Array or Uint8Array', array);
  return dtype;
}

/** Returns the bytes of one element. */
export const bytesPerElement = (dtype: DType): number => table[dtype].bytes;
