/** Networks for images of any size and of 1 to 4 channels: shapes, a training step, and files. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { modelFrom } from '../lib/cli/options/model';
import { Dataset } from '../lib/data/dataset';
import { readSafetensors, writeSafetensors } from '../lib/files/safetensors';
import { parseInitialization } from '../lib/initial/initialization';
import { inference } from '../lib/layers/context';
import { halvingPool } from '../lib/layers/halvingPool';
import { createModel } from '../lib/models';
import { formatImageSize, parseImageSize } from '../lib/models/imageSize';
import { inspectModel } from '../lib/models/inspect';
import { leakyTanh } from '../lib/ops/activations';
import { maxPool } from '../lib/ops/pooling';
import { input, sizeOf, type Tensor } from '../lib/tensor/tensor';
import { loadPredictor } from '../lib/train/loadPredictor';
import { Trainer } from '../lib/train/trainer';
import { TestRandom } from './random';
import { temporaryFolder } from './temporary';

const folder = temporaryFolder();
const half = (size: number) => Math.ceil(size / 2);

/** Draws images of two classes: dark and bright ones. */
function images(shape: readonly [number, number, number], count = 8): Dataset {
  const random = new TestRandom(1);
  const labels = Array.from({ length: count }, (_, n) => n % 2);
  const bytes = Uint8Array.from({ length: count * sizeOf(shape) }, (_, i) => {
    return 60 + 100 * labels[Math.floor(i / sizeOf(shape))]! + random.integer(40);
  });
  return Dataset.from({ images: bytes, labels, shape: [...shape], classes: 2 });
}

const make = (name: string, [height, width, channels]: readonly [number, number, number]) =>
  createModel(name, { width: 0.05, classes: 2, size: [height, width], channels });

/** Trains a few steps. @returns loss and gradient norm of each, and the finite logits of two images */
async function train(name: string, shape: readonly [number, number, number], device: string) {
  const dataset = images(shape);
  const model = make(name, shape);
  using trainer = new Trainer({ model, train: dataset, test: dataset, device, batch: 4, learningRate: 0.003 });
  const steps: { loss: number; gradientNorm: number }[] = [];
  for await (const event of trainer.fit({ steps: 4 })) if (event.event === 'step') steps.push(event);
  await trainer.saveWeights(join(folder, 'model.safetensors'));
  const { logits } = await trainer.predict(dataset.images.subarray(0, 2 * sizeOf(shape)), { count: 2 });
  return { steps, logits };
}

describe('sizes', () => {
  test.each([8, 9, 10, 11, 13, 27, 33, 64, 97, 512])('inception33 and inceptionBn read images of %d pixels', (size) => {
    const shapes = (name: string) => {
      const { layers } = inspectModel(createModel(name, { width: 0.05, size: [size, size + 1] }));
      return (layer: string) => layers.find((row) => row.name === layer)!.outputShape.slice(0, 2);
    };
    const small = shapes('inception33');
    const two = [half(half(size)), half(half(size + 1))];
    expect([small('3a'), small('3c'), small('5b')]).toEqual([[size, size + 1], [half(size), half(size + 1)], two]);
    expect(shapes('inceptionBn')('5b')).toEqual(two.map((side) => half(half(half(side)))));
  });

  test('halved along even sides are pooled as before, so that files and results of earlier versions stay', () => {
    const pooled = (size: readonly [number, number]) => {
      const x = input('x', [2, ...size, 16]);
      return [halvingPool('p').forward(x, inference), maxPool(x, { kernel: 3, stride: 2, ceil: true, name: 'p' })];
    };
    const [now, before] = pooled([28, 14]) as [Tensor, Tensor];
    expect(now.node.attributes).toEqual(before.node.attributes);
    expect(now.shape).toEqual(before.shape);
    expect(pooled([7, 14])[0]!.shape).toEqual([2, 4, 7, 16]);
  });

  test('are read from text as they are written', () => {
    for (const size of [64, [48, 64]] as const) {
      expect(parseImageSize(formatImageSize(typeof size === 'number' ? [size, size] : size))).toEqual(size);
    }
    expect(formatImageSize([48, 64, 3])).toBe('48x64');
    for (const text of ['', '3', '64x', '64x64x3', '4097', '8.5', '64 x 48px'])
      expect(() => parseImageSize(text), text).toThrow('an integer from 4 to 4096, or two as HEIGHTxWIDTH, for size');
  });

  test('of the command are those of the images, if they are not as large as CIFAR’s', () => {
    const common = { width: 0.05, activation: leakyTanh(), init: parseInitialization('default'), dropout: 0 };
    const shapeFor = (model: string, shape?: [number, number, number], size?: number) =>
      modelFrom({ model, ...common, size }, { classes: 2, shape }).inputShape;
    expect(shapeFor('inception33', [32, 32, 3])).toEqual([28, 28, 3]);
    expect(shapeFor('inception33')).toEqual([28, 28, 3]);
    expect(() => shapeFor('inceptionBn', [32, 32, 1])).toThrow(
      'for --size but received "224, the default of inceptionBn"',
    );
    expect(shapeFor('inceptionBn', [32, 32, 1], 32)).toEqual([32, 32, 1]);
    expect(shapeFor('inceptionBn', [48, 65, 1])).toEqual([48, 65, 1]);
    expect(shapeFor('inception33', [48, 65, 4], 40)).toEqual([40, 40, 4]);
  });
});

describe('training', () => {
  test.each([
    ['inception33', [8, 8, 1]],
    ['inception33', [9, 14, 2]],
    ['inception33', [17, 8, 4]],
    ['subInception', [11, 11, 1]],
    ['subInception', [8, 15, 4]],
    ['inceptionBn', [37, 50, 1]],
    ['inceptionBn', [8, 33, 4]],
  ] as const)('%s learns from images of %j', async (name, shape) => {
    const { steps, logits } = await train(name, shape, 'cpu');
    for (const { loss, gradientNorm } of steps) {
      expect(loss).toBeGreaterThan(0);
      expect(gradientNorm).toBeGreaterThan(0);
    }
    expect(logits.every(Number.isFinite)).toBe(true);
    const path = join(folder, 'model.safetensors');
    const { metadata, tensors } = readSafetensors(path);
    expect(metadata).toMatchObject({ size: formatImageSize(shape), channels: `${shape[2]}` });
    using predictor = await loadPredictor(path, { shape, batch: 4, device: 'cpu' });
    const predicted = await predictor.predict(images(shape).images.subarray(0, 2 * sizeOf(shape)), { count: 2 });
    expect([...predicted.logits]).toEqual([...logits]);
    // A file without a graph that does not say its channels, as those of earlier versions.
    const { channels, graph, ...rest } = metadata;
    writeSafetensors(path, { metadata: rest, tensors });
    await expect(loadPredictor(path, { shape, batch: 4, device: 'cpu' })).rejects.toThrow(
      /expected shape \[\d+,\d,\d,3\] for "[\w/]+" but received/,
    );
  });
});
