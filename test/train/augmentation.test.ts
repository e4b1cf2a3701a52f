/** Training with augmentation: what it does to tasks, and that it depends on nothing but seed, epoch and image. */
import { afterAll, describe, expect, test } from 'vitest';
import * as augmentations from '../../lib/data/augmentation/kinds';
import { Dataset } from '../../lib/data/dataset';
import { Conv2d, GlobalAveragePool, Linear, Sequential } from '../../lib/layers';
import { functionalModel, type Model } from '../../lib/models';
import { leakyTanh } from '../../lib/ops/activations';
import { Philox } from '../../lib/random';
import { Trainer, type TrainerOptions } from '../../lib/train/trainer';
import { temporaryFolder } from '../temporary';
import { cpu, smallData, snapshot } from './support';
import { tinyModel } from './tinyModel';

const size = 12;

/** Waves that rise slowly and fall at once (class 0), or the other way round when seen from the left (class 1), with noise. */
function waves(count: number, seed: number): Dataset {
  const random = new Philox(seed, 77);
  const labels = Int32Array.from({ length: count }, (_, n) => n % 2);
  const begins = Array.from(labels, () => random.integer(6));
  const images = Uint8Array.from({ length: count * size * size }, (_, at) => {
    const [n, column] = [Math.floor(at / size ** 2), at % size];
    const phase = (column + begins[n]!) % 6;
    return 60 + 20 * (labels[n] === 0 ? phase : 5 - phase) + random.integer(30);
  });
  return Dataset.from({ images, labels, shape: [size, size, 1] });
}

function waveModel(): Model {
  const layers = new Sequential([
    new Conv2d({ name: 'conv', inputs: 1, outputs: 16, kernel: 3, activation: leakyTanh() }),
    new GlobalAveragePool(),
    new Linear({ name: 'classifier', inputs: 16, outputs: 2 }),
  ]);
  return functionalModel({
    ...{ name: 'waves', classes: 2, activation: leakyTanh(), inputShape: [size, size, 1] },
    ...{ parameters: layers.parameters, forward: (x, context) => layers.forward(x, context) },
  });
}

/** Returns accuracy and loss of the test set after some epochs. */
async function learn(augmentation?: TrainerOptions['augmentation']): Promise<{ accuracy: number; loss: number }> {
  const data = { train: waves(300, 1), test: waves(200, 2) };
  using trainer = new Trainer({
    model: waveModel(),
    ...data,
    augmentation,
    device: cpu(),
    batch: 20,
    learningRate: 0.1,
  });
  await trainer.fit({ epochs: 6 });
  return await trainer.evaluate('test');
}

describe('a task in which left and right matter', () => {
  test('is learned by default, because images of your own are not mirrored', async () => {
    const { accuracy, loss } = await learn();
    expect(accuracy).toBeGreaterThan(0.95);
    expect(loss).toBeLessThan(0.3);
  });

  test('is ruined by mirroring, but not by other augmentation', async () => {
    // Half of each class looks like the other one, so the network cannot be sure of any image: the loss is that of a guess, ln 2.
    expect((await learn(augmentations.paperAugmentation)).loss).toBeGreaterThan(0.6);
    const { rotation, colourJitter, erasing } = augmentations;
    const others = [rotation({ degrees: 5 }), colourJitter({ brightness: 0.1 }), erasing({ probability: 0.2 })];
    expect((await learn(others)).accuracy).toBeGreaterThan(0.95);
  });
});

const everything = augmentations.parseAugmentation(
  'rotation,resizedCrop:0.3,mirror,flip,colourJitter,erasing,mixup,cutmix',
);
const { train, test: testSet } = smallData(40, 20);
const folder = temporaryFolder();
const trainers: Trainer[] = [];
afterAll(() => {
  for (const trainer of trainers) trainer.dispose();
});

function trainer(options: Partial<TrainerOptions> = {}): Trainer {
  const own = { model: tinyModel(), train, test: testSet, device: cpu(), batch: 16, augmentation: everything };
  trainers.push(new Trainer({ ...own, classWeights: 'balanced', ...options }));
  return trainers.at(-1)!;
}

describe('with every kind at once', () => {
  test('cuts of an epoch, streaming and a resume give the same bits', async () => {
    const whole = trainer();
    await whole.fit({ steps: 8 });
    const wanted = await snapshot(whole.state);

    const cut = trainer({ data: 'streaming', callbacks: [{ name: 'cuts', everySteps: 1, onStep: () => {} }] });
    await cut.fit({ steps: 8 });
    expect((await snapshot(cut.state)).equals(wanted)).toBe(true);

    const begun = trainer();
    await begun.fit({ steps: 5 });
    const path = `${folder}/checkpoint.safetensors`;
    await begun.save(path);
    const resumed = trainer();
    await resumed.restore(path);
    await resumed.fit({ steps: 3 });
    expect((await snapshot(resumed.state)).equals(wanted)).toBe(true);

    const other = trainer({ seed: 1 });
    await other.fit({ steps: 8 });
    expect((await snapshot(other.state)).equals(wanted)).toBe(false);
  });

  test('a checkpoint belongs to its augmentation, which may change on request', async () => {
    const begun = trainer();
    await begun.fit({ steps: 2 });
    const path = `${folder}/other.safetensors`;
    await begun.save(path);
    const changed = trainer({ augmentation: [] });
    await expect(changed.restore(path)).rejects.toThrow(/augmentation is rotation:15,.* there and none here/);
    await changed.restore(path, { change: ['augmentation'] });
    const [event] = [await changed.fit({ steps: 1 })];
    expect(event.steps).toBe(3);
    expect(changed.changes[0]!.changed[0]).toMatchObject({ name: 'augmentation', to: 'none' });
  });
});

describe('the default', () => {
  const described = async (source: Dataset) => {
    const own = trainer({ train: source, test: source, augmentation: undefined });
    return (await own.checkpoint()).info.settings.augmentation;
  };

  test("is the paper's for CIFAR's layout and generated images, whatever part of them, and none for others", async () => {
    const paper = 'crop:0,mirror:0.5';
    expect(await described(train)).toBe(paper);
    expect(await described(train.take(20).named(null))).toBe(paper);
    expect(await described(train.split(0.5, { stratified: false }).train)).toBe(paper);
    const { images, labels, shape, classes } = train;
    expect(await described(Dataset.from({ images, labels, shape, classes }))).toBe('none');
  });
});

describe('bad input', () => {
  test.each([
    [
      'colours with a mean per pixel',
      { statistics: { per: 'pixel' } },
      /statistics\.per "channel".*colourJitter.*pixel/,
    ],
    ['no list', { augmentation: 'mirror' as never }, /array of augmentations.*mirror/],
  ] as const)('%s', (_, options, message) => {
    expect(() => trainer(options as Partial<TrainerOptions>)).toThrow(message);
  });
});
