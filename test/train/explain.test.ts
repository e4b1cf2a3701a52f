/** Looking into a network: outputs of layers, Grad-CAM, and their pictures. */
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../lib/compile/evaluate';
import { Conv2d, Linear } from '../../lib/layers';
import { functionalModel, type Model } from '../../lib/models';
import { inspectModel } from '../../lib/models/inspect';
import { tanh } from '../../lib/ops/activations';
import { flatten } from '../../lib/ops/data';
import { globalAveragePool } from '../../lib/ops/pooling';
import { State } from '../../lib/tensor/state';
import { input } from '../../lib/tensor/tensor';
import { Predictor, type PredictorOptions } from '../../lib/train/predictor';
import { branchedModel } from '../models/networks';
import { TestRandom } from '../random';
import { cpu } from './support';

const random = new TestRandom(1);
const bytes = (count: number) => Uint8Array.from({ length: count }, () => random.integer(256));
const statistics = {
  ...{ mean: Float32Array.of(100, 120, 140), meanShape: [3], scale: Float32Array.of(0.01, 0.02, 0.015) },
  deviation: Float32Array.of(1, 1, 1),
};
const normalized = (pixels: Uint8Array) =>
  Float32Array.from(pixels, (value, i) => (value - statistics.mean[i % 3]!) * statistics.scale[i % 3]!);

/** A network of two convolutions whose layers can be called one by one. */
function twoLayers() {
  const first = new Conv2d({ name: 'first', inputs: 3, outputs: 4, kernel: 3, padding: 1, activation: tanh() });
  const second = new Conv2d({ name: 'second', inputs: 4, outputs: 5, kernel: 3, stride: 2, activation: tanh() });
  const top = new Linear({ name: 'top', inputs: 5, outputs: 6 });
  const model = functionalModel({
    parameters: [first, second, top].flatMap((layer) => [...layer.parameters]),
    ...{ inputShape: [6, 7, 3], classes: 6 },
    forward: (x) => top.forward(globalAveragePool(second.forward(first.forward(x)), { name: 'pool' })),
  });
  return { model, first, second, top };
}

/** Makes a predictor with random weights. It is disposed of with its State. */
async function predictorOf(model: Model, options: Partial<PredictorOptions> = {}) {
  const state = new State(model.parameters, { buffers: model.buffers, seed: 3 });
  // Biases would be 0.
  for (const parameter of model.parameters.filter(({ shape }) => shape.length === 1))
    await state.write(
      parameter,
      Float32Array.from({ length: parameter.size }, () => 0.3 * random.gaussian()),
    );
  const predictor = await Predictor.create({ model, state, statistics, device: cpu(), ownsState: true, ...options });
  return { predictor, state };
}

describe('Predictor.activations()', () => {
  test('gives what a network gives that is cut after the layer, however images are divided into steps', async () => {
    const { model, first, second } = twoLayers();
    const { predictor } = await predictorOf(model, { batch: 2 });
    using _ = predictor;
    const images = bytes(5 * 6 * 7 * 3);
    const found = await predictor.activations(images, { count: 5, layers: ['first', 'second', 'pool', 'top'] });
    const x = input('x', [5, 6, 7, 3]);
    const cut = [first.forward(x), second.forward(first.forward(x))];
    const expected = await evaluate(cut, { device: cpu(), inputs: { x: normalized(images) } });
    expect(found.first!.shape).toEqual([5, 6, 7, 4]);
    expect(found.second!.shape).toEqual([5, 2, 3, 5]);
    for (const [index, name] of ['first', 'second'].entries()) {
      expect(found[name]!.values.length).toBe(expected[index]!.length);
      found[name]!.values.forEach((value, i) => {
        expect(Math.abs(value - Number(expected[index]![i]))).toBeLessThan(1e-5);
      });
    }
    const { logits } = await predictor.predict(images, { count: 5 });
    expect(found.top).toMatchObject({ shape: [5, 6] });
    found.top!.values.forEach((value, i) => {
      expect(Math.abs(value - logits[i]!)).toBeLessThan(1e-5);
    });
    expect(found.pool!.shape).toEqual([5, 5]);
    // Means of the layer before.
    const mean = (image: number, channel: number) =>
      [0, 1, 2, 3, 4, 5].reduce((sum, pixel) => sum + found.second!.values[(image * 6 + pixel) * 5 + channel]! / 6, 0);
    expect(found.pool!.values[7]).toBeCloseTo(mean(1, 2), 5);
  });

  test('knows every layer of a network with branches, normalisation and a layer that is used twice', async () => {
    const model = branchedModel();
    const { predictor } = await predictorOf(model);
    using _ = predictor;
    const layers = inspectModel(model).layers.map(({ name }) => name);
    const size = predictor.shape.reduce((product, side) => product * side, 1);
    const found = await predictor.activations(bytes(size), { layers });
    expect(Object.keys(found)).toEqual(layers);
    for (const { values } of Object.values(found)) expect(values.every(Number.isFinite)).toBe(true);
  });

  test('refuses names that no layer has, with the nearest one', async () => {
    const { predictor } = await predictorOf(twoLayers().model);
    using _ = predictor;
    const refused = (layers: readonly string[]) => predictor.activations(bytes(126), { layers });
    await expect(refused(['first', 'secnod'])).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(/a layer of the network \(the nearest is "second".*for layers\[1\].*"secnod"/),
    });
    await expect(refused([])).rejects.toThrow('at least one name of a layer');
    await expect(refused(['top', 'top'])).rejects.toThrow('different names');
  });
});

describe('Predictor.gradCam()', () => {
  /** Returns the output of the layers after the first one for one image, in double precision. */
  const rest = (a: Float64Array, values: Record<string, Float32Array>) => {
    const pooled = new Float64Array(5);
    for (let y = 0; y < 2; y++)
      for (let x = 0; x < 3; x++)
        for (let o = 0; o < 5; o++) {
          let sum = values['second/bias']![o]!;
          for (let ky = 0; ky < 3; ky++)
            for (let kx = 0; kx < 3; kx++)
              for (let c = 0; c < 4; c++)
                sum +=
                  a[((2 * y + ky) * 7 + 2 * x + kx) * 4 + c]! *
                  values['second/weight']![((o * 3 + ky) * 3 + kx) * 4 + c]!;
          pooled[o]! += Math.tanh(sum) / 6;
        }
    return Array.from({ length: 6 }, (_, k) =>
      pooled.reduce((sum, value, o) => sum + value * values['top/weight']![k * 5 + o]!, values['top/bias']![k]!),
    );
  };

  test('gives the map of the paper: against loops and differences in double precision', async () => {
    const { model } = twoLayers();
    const { predictor, state } = await predictorOf(model, { batch: 2 });
    using _ = predictor;
    const images = bytes(3 * 126);
    const values: Record<string, Float32Array> = {};
    for (const parameter of model.parameters) values[parameter.name] = await state.read(parameter);
    const { first } = await predictor.activations(images, { count: 3, layers: ['first'] });
    const labels = [4, 0, 5];
    const cam = await predictor.gradCam(images, { count: 3, layer: 'first', label: labels });
    expect(cam).toMatchObject({ count: 3, layer: 'first', shape: [6, 7], labels: Int32Array.from(labels) });
    let largest = 0;
    for (let image = 0; image < 3; image++) {
      const a = Float64Array.from(first!.values.subarray(image * 168, (image + 1) * 168));
      // Moving all pixels of a channel changes the logit by the sum of its gradient, which is 42 times the mean.
      const moved = (channel: number, by: number) =>
        rest(
          a.map((value, i) => (i % 4 === channel ? value + by : value)),
          values,
        )[labels[image]!]!;
      const weights = [0, 1, 2, 3].map((k) => (moved(k, 1e-5) - moved(k, -1e-5)) / 2e-5 / 42);
      for (let pixel = 0; pixel < 42; pixel++) {
        const expected = Math.max(
          0,
          weights.reduce((sum, weight, k) => sum + weight * a[pixel * 4 + k]!, 0),
        );
        expect(Math.abs(cam.maps[image * 42 + pixel]! - expected)).toBeLessThan(1e-6);
        largest = Math.max(largest, expected);
      }
    }
    expect(largest).toBeGreaterThan(1e-4);
  });

  test('explains the predicted class by the last layer that is larger than a pixel, unless it is told otherwise', async () => {
    const { predictor } = await predictorOf(twoLayers().model, { batch: 2 });
    using _ = predictor;
    const images = bytes(3 * 126);
    const { logits, probabilities } = await predictor.predict(images, { count: 3 });
    const best = [0, 1, 2].map((image) => {
      const own = [...logits.subarray(image * 6, (image + 1) * 6)];
      return own.indexOf(Math.max(...own));
    });
    const cam = await predictor.gradCam(images, { count: 3 });
    expect(cam).toMatchObject({ layer: 'second', shape: [2, 3], labels: Int32Array.from(best) });
    cam.probabilities.forEach((probability, image) => {
      expect(probability).toBeCloseTo(probabilities[image * 6 + best[image]!]!, 5);
    });
    const same = await predictor.gradCam(images, { count: 3, label: Int32Array.from(best), layer: 'second' });
    expect(same.maps).toEqual(cam.maps);
  });

  test('refuses a layer or a class that does not fit', async () => {
    const { predictor } = await predictorOf(twoLayers().model);
    using _ = predictor;
    const refused = (options: object) => predictor.gradCam(bytes(126), options);
    await expect(refused({ layer: 'top' })).rejects.toThrow(
      /a layer whose output is an image \(first, second\).*"top"/,
    );
    await expect(refused({ layer: 'frist' })).rejects.toThrow(/the nearest is "first"/);
    await expect(refused({ label: 6 })).rejects.toThrow('an integer from 0 to 5 for label but received 6');
    await expect(refused({ label: [1, 2] })).rejects.toThrow('one for each of 1 images, for label but received 2');
    await expect(refused({ class: 1 })).rejects.toThrow('no option "class"');
  });

  test('says so if no layer is larger than a pixel', async () => {
    const top = new Linear({ name: 'top', inputs: 48, outputs: 2 });
    const model = functionalModel({
      ...{ parameters: top.parameters, inputShape: [4, 4, 3], classes: 2 },
      forward: (x) => top.forward(flatten(x)),
    });
    const { predictor } = await predictorOf(model);
    using _ = predictor;
    await expect(predictor.gradCam(bytes(48))).rejects.toThrow('a layer whose output has more than one pixel');
  });
});
