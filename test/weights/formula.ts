/** The networks of test/pytorch/record_networks.py: recorded logits, and the formula that gives the weights. */
import { readFileSync } from 'node:fs';
import type { NamedTensor } from '../../lib';
import { sizeOf } from '../../lib/tensor/tensor';
import { Generator } from '../pytorch/network';
import { fixture } from './network';

/** A network that PyTorch has computed. */
export interface RecordedNetwork {
  readonly width: number;
  readonly size: [height: number, width: number];
  readonly channels: number;
  readonly mean: number[];
  readonly std: number[];
  /** Shapes by name, in the order of the state_dict. */
  readonly tensors: Record<string, number[]>;
  readonly logits: number[][];
}

/** The content of networks.json. `parameters`: by network and width. */
export const recorded: {
  readonly parameters: Record<string, Record<string, number>>;
  readonly networks: Record<string, RecordedNetwork>;
} = JSON.parse(readFileSync(fixture('networks.json'), 'utf8'));

/** Numbers of -1 to 1 that depend on the index of the tensor and of the element. */
function uniform(tensor: number, count: number): Float64Array {
  const values = new Float64Array(count);
  const first = Math.imul(tensor + 1, 0x9e3779b9);
  for (let index = 0; index < count; index++) {
    let x = (first + index) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    values[index] = ((x ^ (x >>> 16)) >>> 8) / 2 ** 23 - 1;
  }
  return values;
}

/** Returns the weights of a recorded network as PyTorch's module has them. */
export function formulaTensors({ tensors }: RecordedNetwork): Map<string, NamedTensor> {
  const drawn = (name: string, shape: number[], index: number): NamedTensor => {
    if (name.endsWith('num_batches_tracked')) return { shape, data: BigInt64Array.of(7n) };
    const values = uniform(index, sizeOf(shape));
    const bound = shape.length > 1 ? Math.sqrt(6 / sizeOf(shape.slice(1))) : 0.2;
    const isFactor = shape.length === 1 && /(weight|running_var)$/.test(name);
    return { shape, data: Float32Array.from(values, isFactor ? (value) => 1 + value / 2 : (value) => value * bound) };
  };
  return new Map(Object.entries(tensors).map(([name, shape], index) => [name, drawn(name, shape, index)]));
}

/** The images of a recorded network, as bytes. */
export function recordedImages({ size, channels, logits }: RecordedNetwork): Uint8Array {
  const generator = new Generator(6);
  return Uint8Array.from({ length: logits.length * sizeOf(size) * channels }, () => generator.integer() >>> 24);
}
