/** The types of a tensor's elements. */
import { invalid } from '../errors';
import type { ArrayDType, DType, TypedArray } from './native';

export const arrayDTypes: readonly ArrayDType[] = ['f32', 'i32', 'u8'];

export function dtypeOf(array: TypedArray, argument = 'data'): ArrayDType {
  if (array instanceof Float32Array) return 'f32';
  if (array instanceof Int32Array) return 'i32';
  if (array instanceof Uint8Array) return 'u8';
  throw invalid(argument, 'a Float32Array, Int32Array or Uint8Array', array);
}

export const bytesPerElement: Readonly<Record<DType, number>> = { f32: 4, i32: 4, u8: 1, bf16: 2, f16: 2 };
