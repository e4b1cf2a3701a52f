/** Weights from one device to the other: trained on the CPU, fine-tuned on the emulated GPU, and back. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset';
import { readSafetensors } from '../../lib/files/safetensors';
import { openDevice, type Precision } from '../../lib/runtime/device';
import { Trainer } from '../../lib/train/trainer';
import { branchedModel } from '../models/networks';
import { TestRandom } from '../random';
import { temporaryFolder } from '../temporary';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

/** Draws images of 10x10 pixels. */
function drawn(count: number): Dataset {
  const random = new TestRandom(count);
  const images = Uint8Array.from({ length: count * 300 }, () => random.integer(256));
  return Dataset.from({
    images,
    labels: Array.from({ length: count }, (_, index) => index),
    shape: [10, 10, 3],
    classes: 10,
  });
}

describe.skipIf(!isEmulated)(isEmulated ? 'fine-tuning on the emulated GPU' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  const folder = temporaryFolder();
  const [cpu, gpu] = [openDevice('cpu'), openDevice('cuda')];
  const data = { train: drawn(8), test: drawn(4) };
  const common = { ...data, batch: 4, seed: 2, augmentation: [], autotune: false };
  const freeze = ['stem', 'wide', 'thin', 'norm'];

  test('of weights of the CPU follows the CPU, leaves what is frozen, and goes back to the CPU', async () => {
    const [base, there, back] = ['base', 'there', 'back'].map((name) => join(folder, `${name}.safetensors`));
    using first = new Trainer({ ...common, model: branchedModel(), device: cpu });
    await first.fit({ steps: 1 });
    await first.saveWeights(base!);

    const head = { classes: 10 };
    const tuned = async (device: typeof cpu, path: string, precision: Precision = 'f32') => {
      using trainer = new Trainer({ ...common, weights: base!, head, freeze, device, precision });
      await trainer.fit({ epochs: 1 });
      await trainer.saveWeights(path);
      return {
        losses: trainer.epochs.map(({ trainLoss }) => trainLoss as number),
        test: await trainer.predict(data.test),
      };
    };
    const [here, emulated] = [await tuned(cpu, back!), await tuned(gpu, there!)];
    emulated.losses.forEach((loss, epoch) => {
      expect(Math.abs(loss - here.losses[epoch]!)).toBeLessThan(1e-4);
    });
    const [before, after] = [readSafetensors(base!).tensors, readSafetensors(there!).tensors];
    for (const [name, { data }] of after)
      if (!name.startsWith('head/')) expect(data, name).toEqual(before.get(name)!.data);
    expect(after.get('head/weight')!.data).not.toEqual(before.get('head/weight')!.data);

    // Halves, with loss scaling, leave what is frozen too.
    const halves = await tuned(gpu, back!, 'fp16');
    expect(Math.abs(halves.losses[0]! - here.losses[0]!)).toBeLessThan(0.02);
    const { tensors } = readSafetensors(back!);
    for (const [name, { data }] of tensors)
      if (!name.startsWith('head/')) expect(data, name).toEqual(before.get(name)!.data);

    using returned = new Trainer({ ...common, weights: there!, device: cpu });
    const { logits } = await returned.predict(data.test);
    logits.forEach((logit, index) => {
      expect(Math.abs(logit - emulated.test.logits[index]!)).toBeLessThan(1e-3);
    });
  });
});
