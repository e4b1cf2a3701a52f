/** Trains networks on images of odd sizes and other channels on the emulated GPU, and compares the losses with the CPU's. */
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset';
import { createModel } from '../../lib/models';
import { sizeOf } from '../../lib/tensor/tensor';
import { Trainer } from '../../lib/train/trainer';
import { TestRandom } from '../random';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

type Shape = readonly [height: number, width: number, channels: number];

const batch = 2;
/** With weights of classes, whose rows are an input of each step. */
const settings = { batch, learningRate: 0.01, autotune: false, classWeights: [2, 0.5] } as const;

async function losses(name: string, shape: Shape, device: string): Promise<number[]> {
  const random = new TestRandom(1);
  const images = Uint8Array.from({ length: batch * sizeOf(shape) }, () => random.integer(256));
  const data = Dataset.from({ images, labels: [0, 1], shape: [...shape], classes: 2 });
  const [height, width, channels] = shape;
  // Without batch normalisation, which over so few pixels would magnify the rounding errors of both.
  const options = { width: 0.05, classes: 2, size: [height, width], channels, normalization: 'none' } as const;
  const model = createModel(name, options);
  using trainer = new Trainer({ model, train: data, test: data, device, ...settings });
  const all: number[] = [];
  for await (const event of trainer.fit({ steps: 2 })) if (event.event === 'step') all.push(event.loss);
  return all;
}

describe.skipIf(!isEmulated)(isEmulated ? 'odd sizes on the emulated GPU' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();

  test.each([
    ['inception33', [9, 8, 1]],
    ['inceptionBn', [17, 9, 4]],
  ] as const)('%s, images of %j, has the losses of the CPU', async (name, shape) => {
    const [cpu, gpu] = [await losses(name, shape, 'cpu'), await losses(name, shape, 'cuda')];
    expect(gpu).toHaveLength(cpu.length);
    for (const [step, loss] of gpu.entries()) expect(Math.abs(loss / cpu[step]! - 1)).toBeLessThan(1e-3);
  });
});
