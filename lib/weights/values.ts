/** Reads the numbers of weights that were found, and brings them into another order or dtype. */
import { SaturnnError } from '../errors';
import { fromHalves, type Half, toHalves } from '../files/halves';
import type { NamedTensor, StoredTensor } from '../files/safetensors';
import { usualDType } from '../files/tensorTypes';
import { toFloat32 } from '../files/toFloat32';
import { isOfWeights, type Match } from './fit';
import { isSameOrder, reorder } from './layout';

/** A dtype of weights in a file that is written. */
export type WeightDType = 'f32' | 'f16' | 'bf16';
/** All of them. */
export const weightDTypes: readonly WeightDType[] = ['f32', 'f16', 'bf16'];

/** A file whose tensors are read one by one: a TensorFile. */
interface Readable {
  read(name: string): StoredTensor;
}

/** Returns the values of a weight as float32 in saturnn's order. @throws ERR_DATA */
export function valuesOf(file: Readable, { weight, order }: Match): Float32Array {
  const values = floatsOf(weight.from, file.read(weight.from));
  return isSameOrder(order) ? values : reorder(values, order, true);
}

/** Returns a tensor's numbers as float32. @throws ERR_DATA that names the tensor */
export function floatsOf(name: string, tensor: NamedTensor): Float32Array {
  try {
    return toFloat32(tensor);
  } catch (cause) {
    throw new SaturnnError('ERR_DATA', `"${name}" cannot be used: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Makes a tensor of float32 numbers.
 * @throws ERR_DATA that names the weight if a finite number is too large for the dtype
 */
export function tensorOf(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  dtype: WeightDType,
): NamedTensor {
  if (dtype === 'f32') return { shape, data: values, dtype: 'F32' };
  const half: Half = dtype === 'f16' ? 'F16' : 'BF16';
  const data = toHalves(half, values);
  const rounded = fromHalves(half, data);
  const wrong = rounded.findIndex((value, index) => !Number.isFinite(value) && Number.isFinite(values[index]));
  if (wrong < 0) return { shape, data, dtype: half };
  const message = `"${name}" holds ${values[wrong]}, more than ${dtype} can: choose ${dtype === 'f16' ? 'bf16 or f32' : 'f32'}`;
  throw new SaturnnError('ERR_DATA', message);
}

/** Returns the tensors of a file, those in F64, F16 and BF16 as float32. @throws ERR_DATA that names the tensor */
export function inFloat32(tensors: ReadonlyMap<string, NamedTensor>): ReadonlyMap<string, NamedTensor> {
  const converted = [...tensors].map(([name, tensor]): readonly [string, NamedTensor] => {
    const { shape, data, dtype = usualDType(data) } = tensor;
    if (!isOfWeights(dtype) || dtype === 'F32') return [name, tensor];
    return [name, { shape, data: floatsOf(name, tensor), dtype: 'F32' }];
  });
  return new Map(converted);
}
