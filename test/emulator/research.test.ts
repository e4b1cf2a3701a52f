/** Steps in parts, outputs of layers and Grad-CAM on the emulated GPU: they follow the CPU. */
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset';
import { openDevice } from '../../lib/runtime/device';
import { State } from '../../lib/tensor/state';
import { Predictor } from '../../lib/train/predictor';
import { Trainer } from '../../lib/train/trainer';
import { branchedModel } from '../models/networks';
import { TestRandom } from '../random';
import { tinyModel } from '../train/tinyModel';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

describe.skipIf(!isEmulated)(isEmulated ? 'research on the emulated GPU' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  const random = new TestRandom(5);
  const [cpu, gpu] = [openDevice('cpu'), openDevice('cuda')];
  const drawn = (count: number, size: number) =>
    Dataset.from({
      images: Uint8Array.from({ length: count * size * size * 3 }, () => random.integer(256)),
      labels: Array.from({ length: count }, (_, index) => index % 10),
      ...{ shape: [size, size, 3], classes: 10 },
    });

  test('a training in parts has the losses and weights of the CPU, with whole batches', async () => {
    const train = drawn(7, 28);
    const trained = async (device: typeof cpu, accumulate: number) => {
      using trainer = new Trainer({
        ...{ model: tinyModel(), train, device, batch: 4, accumulate, learningRate: 0.05, autotune: false },
      });
      await trainer.fit({ epochs: 2 });
      const weights = new Float32Array((await trainer.state.readArena('parameters')).buffer);
      return { weights, losses: trainer.epochs.map(({ trainLoss }) => trainLoss) };
    };
    const [here, there] = [await trained(cpu, 1), await trained(gpu, 4)];
    there.losses.forEach((loss, epoch) => {
      expect(Math.abs(loss - here.losses[epoch]!)).toBeLessThan(1e-5);
    });
    there.weights.forEach((weight, i) => {
      expect(Math.abs(weight - here.weights[i]!)).toBeLessThan(1e-5);
    });
  });

  test('a step whose gradient is not finite in one of its parts changes nothing', async () => {
    using trainer = new Trainer({
      ...{ model: tinyModel(), train: drawn(8, 28), device: gpu, batch: 4, accumulate: 4, autotune: false },
    });
    await trainer.fit({ steps: 1 });
    const weight = trainer.state.parameters.find(({ name }) => name === 'classifier/weight')!;
    await trainer.state.write(weight, new Float32Array(weight.size).fill(3e38));
    const bits = async () =>
      Buffer.concat([await trainer.state.readArena('parameters'), await trainer.state.readArena('buffers')]);
    const before = await bits();
    await expect(trainer.fit({ steps: 2 })).rejects.toMatchObject({ code: 'ERR_NON_FINITE' });
    expect((await bits()).equals(before)).toBe(true);
    expect(trainer.step).toBe(1);
  });

  test('fp16 is refused for parts', () => {
    const options = { model: tinyModel(), train: drawn(4, 28), batch: 4, accumulate: 2, device: gpu };
    expect(() => new Trainer({ ...options, precision: 'fp16' })).toThrow(
      'Expected f32, tf32 or bf16 with accumulate, as the loss is not scaled in parts, for precision but received "fp16"',
    );
  });

  test('layers and maps are those of the CPU, also of a predictor in bf16', async () => {
    const images = drawn(2, 8);
    const scale = new Float32Array(3).fill(0.01);
    const statistics = { mean: new Float32Array(3).fill(128), meanShape: [3], scale, deviation: scale };
    const looked = async (device: typeof cpu, precision: 'f32' | 'bf16' = 'f32') => {
      const model = branchedModel();
      const state = new State(model.parameters, { buffers: model.buffers, seed: 1, device });
      const options = { model, state, statistics, device, precision, autotune: false, ownsState: true };
      using predictor = await Predictor.create(options);
      const { wide, norm } = await predictor.activations(images, { layers: ['wide', 'norm'] });
      return { wide: wide!, norm: norm!, cam: await predictor.gradCam(images, { label: [1, 2], layer: 'wide' }) };
    };
    const [here, there, halves] = [await looked(cpu), await looked(gpu), await looked(gpu, 'bf16')];
    const near = (a: Float32Array, b: Float32Array, bound: number) =>
      a.forEach((value, i) => {
        expect(Math.abs(value - b[i]!)).toBeLessThan(bound);
      });
    near(there.wide.values, here.wide.values, 1e-4);
    near(there.norm.values, here.norm.values, 1e-4);
    expect(Math.max(...here.cam.maps)).toBeGreaterThan(0);
    near(there.cam.maps, here.cam.maps, 1e-5);
    near(halves.cam.maps, here.cam.maps, 1e-5);
    near(halves.wide.values, here.wide.values, 0.1);
  });
});
