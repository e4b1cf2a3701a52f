/** onnxruntime computes the same logits with exported files as saturnn does with the model files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ExportOnnxOptions, exportOnnx } from '../../lib';
import { readSafetensors, type SafetensorsFile, writeSafetensors } from '../../lib/files/safetensors';
import { BatchNorm, type Layer, Linear } from '../../lib/layers';
import { createModel, functionalModel, type Model } from '../../lib/models';
import { checkFile } from '../../lib/onnx/check';
import { encodeModel } from '../../lib/onnx/encode';
import { onnxModelOf } from '../../lib/onnx/model';
import { loadOnnxRuntime } from '../../lib/onnx/onnxruntime';
import { activate, clamp, formatActivation } from '../../lib/ops/activation';
import { elu, sigmoid, tanh } from '../../lib/ops/activations';
import { add, affine, concat, multiply } from '../../lib/ops/channels';
import { conv2d } from '../../lib/ops/convolution';
import { copy, flatten } from '../../lib/ops/data';
import { batchNorm, batchNormInference, follow, moments } from '../../lib/ops/normalization';
import { averagePool, globalAveragePool, globalMaxPool, maxPool, upsample } from '../../lib/ops/pooling';
import type { Parameter, StateBuffer } from '../../lib/tensor/state';
import { constant, sizeOf, type Tensor } from '../../lib/tensor/tensor';
import { type LoadedModel, modelOf } from '../../lib/train/modelFile/loadModel';
import { branchedModel, builtInNames, drawnModel, everyActivation } from '../models/networks';
import { TestRandom, testSeed } from '../random';
import { temporaryFolder } from '../temporary';
import { findPackages, hasOnnxRuntime, onnxPackages, type Saved, saveDrawn } from './support';

const folder = temporaryFolder();
const [from, out] = [join(folder, 'model.safetensors'), join(folder, 'net.onnx')];

/** Exports a network with drawn weights; the file is checked, or an error is thrown. */
async function differenceOf(model: Model, options: ExportOnnxOptions = {}, saved: Saved = {}, stream = 0) {
  saveDrawn(from, model, new TestRandom(testSeed, stream), saved);
  const { check } = await exportOnnx(from, out, { ...options, check: true });
  return check!.difference;
}

/** Weights of a convolution that sees where pixels lie. */
const edges = constant(
  Float32Array.from({ length: 81 }, (_, index) => Math.sin(index)),
  [3, 3, 3, 3],
);

/** Makes a network that ends with a linear layer of the features that a function computes. */
function networkOf(features: (x: Tensor) => Tensor, count: number, layers: readonly Layer[] = []): Model {
  const head = new Linear({ name: 'head', inputs: count, outputs: 4 });
  return functionalModel({
    parameters: [...layers, head].flatMap(({ parameters }): readonly Parameter[] => parameters),
    buffers: layers.flatMap(({ buffers = [] }): readonly StateBuffer[] => buffers),
    inputShape: [7, 6, 3],
    classes: 4,
    forward: (x) => head.forward(features(x)),
  });
}

const reason = hasOnnxRuntime ? '' : ' (NOT RUN: npm run setup:onnx installs onnxruntime)';
describe.skipIf(!hasOnnxRuntime)(`onnxruntime computes what saturnn does${reason}`, () => {
  beforeAll(() => findPackages(onnxPackages));

  test.each(builtInNames)('with %s', async (name) => {
    const model = createModel(name, { width: 0.01, size: name === 'inceptionBn' ? 32 : 12, classes: 10 });
    expect(await differenceOf(model)).toBeLessThan(1e-5);
  });

  test('with branches, residuals, depthwise, normalisation, ceil, a shared layer and constants', async () => {
    for (const floatInput of [false, true])
      for (const [dtype, most] of [['f32', 1e-5] as const, ['f16', 1e-2] as const])
        expect(await differenceOf(branchedModel(), { floatInput, dtype })).toBeLessThan(most);
  });

  test('with drawn networks of the public ops', async () => {
    for (let stream = 0; stream < 20; stream++) {
      try {
        await differenceOf(drawnModel(new TestRandom(testSeed, stream)), { floatInput: stream % 2 === 1 }, {}, stream);
      } catch (error) {
        throw new Error(`network ${stream} of seed ${testSeed}: ${(error as Error).message}`, { cause: error });
      }
    }
  });

  test('with every activation, of images, of features, and with a bias', async () => {
    const bias = constant([0.1, -0.2, 0.3]);
    for (const activation of everyActivation) {
      const model = networkOf((x) => {
        const image = activate(x, activation, { name: 'image' });
        const features = globalAveragePool(concat([image, activate(x, activation, { bias })]));
        return activate(features, activation, { name: 'features', bias: constant([0.5, -0.5, 0.2, 0.1, -1, 1]) });
      }, 6);
      expect(await differenceOf(model), formatActivation(activation)).toBeLessThan(1e-5);
    }
  });

  test('with poolings whose windows begin in the padding, end behind the image, or leave pixels out', async () => {
    for (const pool of [maxPool, averagePool]) {
      const model = networkOf((x) => {
        const pooled = [2, 3, 5].flatMap((kernel) =>
          [1, 2, 3].flatMap((stride) =>
            [0, 1, kernel - 1].flatMap((padding) =>
              [false, true].map((ceil) => globalAveragePool(pool(x, { kernel, stride, padding, ceil }))),
            ),
          ),
        );
        return add(...pooled.map((features, index) => activate(features, tanh(), { name: `pool ${index}` })));
      }, 3);
      expect(await differenceOf(model)).toBeLessThan(1e-5);
    }
  });

  test('with numbers per channel, products, bounds, repeated pixels, the largest pixel and images as rows', async () => {
    const [scale, bias] = [constant([0.5, -2, 1.5]), constant([0.1, 0.2, -0.3])];
    const model = networkOf(
      (x) => {
        const excited = affine(x, { scale: activate(globalMaxPool(x), sigmoid()), name: 'excite' });
        const bounded = [{ low: -0.4, high: 0.6 }, { low: -0.5 }, { high: 0.5 }].map((bounds) => clamp(x, bounds));
        const large = upsample(add(multiply(excited, x), affine(x, { scale, bias }), multiply(x, -0.5), ...bounded), {
          factor: [2, 3],
        });
        return flatten(averagePool(large, { kernel: 4, stride: 3, padding: [0, 1, 3, 0] }));
      },
      4 * 6 * 3,
    );
    for (const dtype of ['f32', 'f16'] as const)
      expect(await differenceOf(model, { dtype })).toBeLessThan(dtype === 'f32' ? 1e-5 : 1e-2);
  });

  test('with pictures that are larger than the network reads, and a mean image', async () => {
    const model = networkOf((x) => globalAveragePool(conv2d(x, edges, { padding: 1 })), 3);
    for (const floatInput of [false, true])
      for (const isMeanImage of [false, true])
        expect(await differenceOf(model, { floatInput }, { imageShape: [10, 13, 3], isMeanImage })).toBeLessThan(1e-5);
  });

  test('with computed weights, statistics and biases, and with statistics of the batch', async () => {
    const [scale, shift] = [constant([1, 2]), constant([0.1, -0.3])];
    const numbers = (shape: readonly number[]) =>
      constant(
        Float32Array.from({ length: sizeOf(shape) }, (_, index) => Math.sin(3 * index)),
        shape,
      );
    const model = networkOf((x) => {
      // An image that is the same for every batch, and row-major again.
      const image = activate(copy(numbers([2, 2, 2, 3]), { image: true }), tanh(), { bias: constant([0.1, 0.2, 0.3]) });
      const y = conv2d(conv2d(x, copy(image, { image: false })), numbers([2, 1, 3, 2]), { padding: [0, 1] });
      const rows = batchNormInference(numbers([2, 3, 2]), { mean: shift, variance: scale, scale, shift });
      const two = moments(rows);
      const { mean, variance } = batchNorm(copy(numbers([1, 3, 3, 2]), { image: true }), { scale, shift });
      const z = batchNorm(y, { scale, shift: two }).y;
      const own = { mean, variance: follow(variance, scale, { keep: 0.5 }), scale: two, shift };
      return activate(globalAveragePool(batchNormInference(z, own)), elu(), { bias: add(two, mean) });
    }, 2);
    expect(await differenceOf(model)).toBeLessThan(1e-5);
    const norm = new BatchNorm({ name: 'norm', channels: 3 });
    const vectors = networkOf((x) => norm.forward(globalAveragePool(x)), 3, [norm]);
    expect(await differenceOf(vectors)).toBeLessThan(1e-5);
  });

  test('but a file that computes something else is refused, and nothing is written', async () => {
    const model = networkOf((x) => globalAveragePool(x), 3);
    saveDrawn(from, model, new TestRandom(1), {});
    const file = readSafetensors(from);
    const loaded = modelOf(file, from);
    const { bytes, input } = encoded(loaded, file);
    // The weights of another file.
    saveDrawn(from, model, new TestRandom(2), {});
    const runtime = loadOnnxRuntime(true)!;
    const exported = { bytes, input, dtype: 'f32', path: from, loaded } as const;
    await expect(checkFile(runtime, exported)).rejects.toMatchObject({
      code: 'ERR_EXPORT',
      message: expect.stringMatching(/^onnxruntime computes other logits .* differ by .* at most 0.0001 is accepted/),
    });
    const damaged = { ...exported, bytes: bytes.subarray(0, bytes.length / 2) };
    await expect(checkFile(runtime, damaged)).rejects.toMatchObject({
      code: 'ERR_EXPORT',
      message: expect.stringMatching(/^onnxruntime refuses the file: /),
    });

    // Logits that are not finite cannot be compared.
    const { tensors, metadata } = readSafetensors(from);
    const weight = tensors.get('head/weight')!;
    const huge = { ...weight, data: new Float32Array(12).fill(Number.NaN) };
    writeSafetensors(from, { tensors: new Map([...tensors, ['head/weight', huge]]), metadata });
    const absent = join(folder, 'absent.onnx');
    await expect(exportOnnx(from, absent)).rejects.toMatchObject({
      code: 'ERR_EXPORT',
      message: expect.stringMatching(/not finite/),
    });
    expect(existsSync(absent)).toBe(false);
  });
});

/** Returns an ONNX file of a network, as bytes. */
function encoded(loaded: LoadedModel, { metadata }: SafetensorsFile) {
  const { model, input } = onnxModelOf(loaded, metadata, { floatInput: false, dtype: 'f32' });
  return { bytes: encodeModel(model), input };
}
