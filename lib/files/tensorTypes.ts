/** The dtypes of the safetensors format, one row per dtype, and the arrays that hold their numbers. */
import { types } from 'node:util';

/** Numbers of a tensor. The type of the array gives the dtype in the file, unless the tensor names another one: see NamedTensor. */
export type TensorData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** A dtype of the safetensors format. */
export type TensorDType =
  | 'F64'
  | 'F32'
  | 'I64'
  | 'U64'
  | 'I32'
  | 'U32'
  | 'BF16'
  | 'F16'
  | 'I16'
  | 'U16'
  | 'U8'
  | 'I8'
  | 'BOOL'
  | 'F8_E4M3'
  | 'F8_E5M2'
  | 'F8_E8M0'
  | 'F8_E4M3FNUZ'
  | 'F8_E5M2FNUZ';

interface Row {
  readonly array: { new (buffer: ArrayBuffer): TensorData; readonly BYTES_PER_ELEMENT: number };
  /** Whether data are an array of the dtype, also one of another realm, which `instanceof` does not know. */
  readonly is: (data: unknown) => boolean;
}

const bits16 = { array: Uint16Array, is: types.isUint16Array } as const;
const bytes = { array: Uint8Array, is: types.isUint8Array } as const;

/**
 * The table of dtypes. An array without a named dtype has the first one that fits: so a Uint16Array is BF16, and a Uint8Array is U8.
 */
const table: Readonly<Record<TensorDType, Row>> = {
  F64: { array: Float64Array, is: types.isFloat64Array },
  F32: { array: Float32Array, is: types.isFloat32Array },
  I64: { array: BigInt64Array, is: types.isBigInt64Array },
  U64: { array: BigUint64Array, is: types.isBigUint64Array },
  I32: { array: Int32Array, is: types.isInt32Array },
  U32: { array: Uint32Array, is: types.isUint32Array },
  BF16: bits16,
  F16: bits16,
  I16: { array: Int16Array, is: types.isInt16Array },
  U16: bits16,
  U8: bytes,
  I8: { array: Int8Array, is: types.isInt8Array },
  BOOL: bytes,
  F8_E4M3: bytes,
  F8_E5M2: bytes,
  F8_E8M0: bytes,
  F8_E4M3FNUZ: bytes,
  F8_E5M2FNUZ: bytes,
};

/** All dtypes that are read and written. */
export const tensorDTypes = Object.keys(table) as readonly TensorDType[];

/** Whether a value is the name of a dtype. */
export const isTensorDType = (value: unknown): value is TensorDType =>
  typeof value === 'string' && Object.hasOwn(table, value);

/** Bytes of one element. */
export const bytesPer = (dtype: TensorDType): number => table[dtype].array.BYTES_PER_ELEMENT;

/** Returns the numbers that lie in memory. */
export const arrayOf = (dtype: TensorDType, memory: ArrayBuffer): TensorData => new table[dtype].array(memory);

/** Whether data are an array of a dtype. */
export const isArrayOf = (dtype: TensorDType, data: unknown): data is TensorData => table[dtype].is(data);

/** Returns the dtype that an array has if nothing else is said; undefined for anything but such an array. */
export const usualDType = (data: unknown): TensorDType | undefined =>
  tensorDTypes.find((dtype) => isArrayOf(dtype, data));
