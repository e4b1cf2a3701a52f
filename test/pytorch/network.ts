/** The network of record.py made with saturnn, and exactly the same weights and batches. */

import { Conv2d } from '../../lib/layers/conv2d';
import { inceptionA } from '../../lib/layers/inceptionA';
import { inceptionB } from '../../lib/layers/inceptionB';
import { Linear } from '../../lib/layers/linear';
import { GlobalAveragePool } from '../../lib/layers/pooling';
import { Sequential } from '../../lib/layers/sequential';
import { leakyTanh } from '../../lib/ops/activations';
import type { Parameter } from '../../lib/tensor/tensor';

export const batch = 8;
export const size = 12;
export const classes = 10;
export const steps = 10;
export const learningRate = 0.05;

export function makeNetwork(): Sequential {
  const activation = leakyTanh(0.25);
  const conv = (name: string, inputs: number, outputs: number, kernel: 1 | 3) =>
    new Conv2d({ name, inputs, outputs, kernel, padding: (kernel - 1) / 2, activation });
  const counts = { c3r: 16, c3: 16, d3r: 16, d3: 16, activation };
  return new Sequential([
    conv('conv1', 3, 16, 3),
    conv('conv2red', 16, 16, 1),
    conv('conv2', 16, 32, 3),
    inceptionA({ name: 'a1', inputs: 32, c1: 16, projection: 16, pool: 'average', ...counts }),
    inceptionB({ name: 'b', inputs: 64, ...counts }),
    inceptionA({ name: 'a2', inputs: 96, c1: 16, projection: 16, pool: 'max', ...counts }),
    new GlobalAveragePool({ name: 'pool' }),
    new Linear({ name: 'classifier', inputs: 64, outputs: classes }),
  ]);
}

/** The random generator xorshift32, as in record.py. */
export class Generator {
  constructor(private state: number) {}

  integer(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state;
  }

  uniform(bound: number, count: number): Float32Array {
    return Float32Array.from({ length: count }, () => (((this.integer() >>> 8) / 2 ** 24) * 2 - 1) * bound);
  }
}

/** Draws the values of each parameter, in order. */
export function drawWeights(parameters: readonly Parameter[]): Float32Array[] {
  const generator = new Generator(1);
  return parameters.map(({ name, shape, size: count }) => {
    const fanIn = shape.slice(1).reduce((product, d) => product * d, 1);
    return generator.uniform(name.endsWith('weight') ? Math.sqrt(6 / fanIn) : 0.1, count);
  });
}

/** Draws the batches of all steps, one after the other. */
export function drawBatches(): { images: Float32Array; labels: Int32Array } {
  const generator = new Generator(2);
  const pixels = batch * size * size * 3;
  const images = new Float32Array(steps * pixels);
  const labels = new Int32Array(steps * batch);
  for (let step = 0; step < steps; step++) {
    images.set(generator.uniform(1.7, pixels), step * pixels);
    for (let n = 0; n < batch; n++) labels[step * batch + n] = generator.integer() % classes;
  }
  return { images, labels };
}
