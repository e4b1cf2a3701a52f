/** The types of a tensor's elements: one row per type. */
import { invalid } from '../errors';
import type { ArrayDType, DType, TypedArray } from './native';

interface DTypeRow {
  /** Bytes of an element. */
  readonly bytes: number;
  /** The typed array that holds them outside of plans; null: there is none. */
  readonly array: (new (length: number) => TypedArray) | null;
}

const table: Readonly<Record<DType, DTypeRow>> = {
  f32: { bytes: 4, array: Float32Array },
  i32: { bytes: 4, array: Int32Array },
  u8: { bytes: 1, array: Uint8Array },
  bf16: { bytes: 2, array: null },
  f16: { bytes: 2, array: null },
};

/** Those of inputs, outputs and constants. */
export const arrayDTypes = (Object.keys(table) as DType[]).filter(
  (dtype): dtype is ArrayDType => table[dtype].array !== null,
);

/** The element type of a typed array. @throws ERR_INVALID_ARGUMENT */
export function dtypeOf(array: TypedArray, argument = 'data'): ArrayDType {
  const dtype = arrayDTypes.find((candidate) => array instanceof table[candidate].array!);
  if (!dtype) throw invalid(argument, 'a Float32Array, Int32Array or Uint8Array', array);
  return dtype;
}

export const bytesPerElement = (dtype: DType): number => table[dtype].bytes;
