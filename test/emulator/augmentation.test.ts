/** Trains with every kind of augmentation on the emulated GPU and on the CPU: the tables and the pixels are the same. */
import { expect, test } from 'vitest';
import { parseAugmentation } from '../../lib/data/augmentation/kinds';
import { openDevice } from '../../lib/runtime/device';
import { Trainer } from '../../lib/train/trainer';
import { smallData } from '../train/support';
import { tinyModel } from '../train/tinyModel';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

const augmentation = parseAugmentation('rotation,resizedCrop:0.3,mirror,flip,colourJitter,erasing,mixup,cutmix');

test.skipIf(!isEmulated)(isEmulated ? 'losses follow those of the CPU' : notEmulated, async () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  const losses = async (device: string) => {
    const own = { model: tinyModel(), ...smallData(24, 4), batch: 8, learningRate: 0.05 };
    const everyStep = { name: 'every step', everySteps: 1, onStep: () => {} };
    const how = { device: openDevice(device), autotune: false, callbacks: [everyStep] };
    using trainer = new Trainer({ ...own, augmentation, classWeights: 'balanced', ...how });
    const found: number[] = [];
    for await (const event of trainer.fit({ steps: 3 })) if (event.event === 'step') found.push(event.loss);
    return found;
  };
  const [cpu, gpu] = [await losses('cpu'), await losses('cuda')];
  expect(gpu).toHaveLength(3);
  gpu.forEach((loss, step) => {
    expect(Math.abs(loss / cpu[step]! - 1)).toBeLessThan(1e-3);
  });
});
