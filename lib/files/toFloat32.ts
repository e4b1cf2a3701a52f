import { invalid, SaturnnError } from '../errors';
import { listing } from '../options/field';
import { fromData } from '../options/options';
import { fromHalves, type Half } from './halves';
import type { NamedTensor } from './safetensors';
import { isArrayOf, isTensorDType, tensorDTypes, usualDType } from './tensorTypes';

/**
 * Returns the numbers of a tensor as float32, row-major. BF16, F16, integers of at most 16 bits and BOOL (0 or 1) are exact; F64 and
 * larger integers are rounded to the nearest float32. The array of an F32 tensor is returned as it is, not copied.
 * @param tensor a tensor of a safetensors file, or one that could be written into one
 * @throws ERR_INVALID_ARGUMENT for anything else; ERR_DATA for a dtype of 8-bit floats (F8_E4M3 and the like), and for a finite F64
 * number beyond the largest float32
 */
export function toFloat32(tensor: NamedTensor): Float32Array {
  return fromData('tensor', 'a tensor { shape, data, dtype }', tensor, () => convert(tensor));
}

function convert({ data, dtype = usualDType(data) }: NamedTensor): Float32Array {
  if (dtype === undefined) throw invalid('data of tensor', 'a typed array of a known dtype', data);
  if (!isTensorDType(dtype)) throw invalid('dtype of tensor', listing(tensorDTypes), dtype);
  if (!isArrayOf(dtype, data)) throw invalid('data of tensor', `an array for ${dtype}`, data);
  if (dtype === 'F32') return data as Float32Array;
  if (dtype === 'BF16' || dtype === 'F16') return fromHalves(dtype satisfies Half, data as Uint16Array);
  if (dtype.startsWith('F8')) {
    const remedy = 'In Python, tensor.float() makes F32 of it, before it is written';
    throw new SaturnnError('ERR_DATA', `A tensor of dtype ${dtype} holds the bits of 8-bit floats. ${remedy}`);
  }
  if (dtype === 'I64' || dtype === 'U64') return Float32Array.from(data as BigInt64Array, Number);
  const floats = Float32Array.from(data as Float64Array);
  const wrong = floats.findIndex((value, index) => !Number.isFinite(value) && Number.isFinite(data[index]));
  if (wrong >= 0) throw new SaturnnError('ERR_DATA', `Element ${wrong} is ${data[wrong]}, more than float32 can hold`);
  return floats;
}
