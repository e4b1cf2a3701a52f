/** Fine-tuning: a training that begins with the weights of a file, with or without the network's code. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset';
import { readSafetensors, writeSafetensors } from '../../lib/files/safetensors';
import { loadModel } from '../../lib/train/modelFile/loadModel';
import type { TrainerOptions } from '../../lib/train/trainer';
import { branchedModel } from '../models/networks';
import { temporaryFolder } from '../temporary';
import { smallData, snapshot, trainerOf, trainersWith } from './support';
import { tinyModel } from './tinyModel';

const folder = temporaryFolder();
const path = join(folder, 'base.safetensors');
const names = ['ant', 'bee', 'cat'];
const pretrained = smallData(32, 20);
/** All layers of branchedModel() but the last. */
const trunk = ['stem', 'wide', 'thin', 'norm'];
const make = (classes = 100) => branchedModel({ classes, size: 28 });

/** Returns other images of three classes, twice as bright as those of the first training. */
function otherData(count: number, { classNames = names }: { classNames?: readonly string[] } = {}): Dataset {
  const { images, shape, labels } = smallData(count, 1).train;
  return Dataset.from({
    ...{ images: images.map((value) => Math.min(255, 2 * value)), shape, classNames, classes: classNames.length },
    labels: labels.map((label) => label % classNames.length),
  });
}
const data = { train: otherData(24), test: otherData(12) };
const head = { classes: 3 };
const tuned = { model: undefined, weights: path, head, ...data, batch: 8, seed: 5 };

beforeAll(async () => {
  using trainer = trainerOf({ model: make(), ...pretrained, seed: 3 });
  await trainer.fit({ epochs: 2 });
  await trainer.saveWeights(path);
});

const trainer = trainersWith(() => tuned);
const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

describe('the network of a file, with a new head and a frozen trunk', () => {
  test('is trained in a process that does not have its code, to the same bits as here', async () => {
    const options = { freeze: trunk, head, batch: 8, seed: 5, device: 'cpu', weights: path };
    const images = join(folder, 'images.safetensors');
    const tensors = new Map([['images', { shape: [24, 32, 32, 3], data: data.train.images }]]);
    writeSafetensors(images, { tensors, metadata: {} });
    const there = join(folder, 'there.safetensors');
    const script = `
      const { Dataset, Trainer, readSafetensors } = require(${JSON.stringify(join(__dirname, '..', '..'))});
      const images = readSafetensors(${JSON.stringify(images)}).tensors.get('images').data;
      const labels = ${JSON.stringify([...data.train.labels])};
      const train = Dataset.from({ images, labels, shape: [32, 32, 3], classNames: ${JSON.stringify(names)} });
      const trainer = new Trainer({ ...${JSON.stringify(options)}, train, augmentation: [] });
      trainer.fit({ epochs: 2 }).then(() => trainer.saveWeights(${JSON.stringify(there)})).then(() => trainer.dispose());`;
    await promisify(execFile)(process.execPath, ['-e', script]);
    const here = trainer({ freeze: trunk, test: undefined, augmentation: [] });
    expect(here.model).toMatchObject({ name: 'branched', classes: 3, inputShape: [28, 28, 3] });
    const other = join(folder, 'here.safetensors');
    await here.fit({ epochs: 2 });
    await here.saveWeights(other);
    expect(readFileSync(there).equals(readFileSync(other))).toBe(true);

    const [before, after] = [readSafetensors(path).tensors, readSafetensors(there).tensors];
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [name, { data, shape }] of after) {
      if (name.startsWith('head/')) expect(shape[0]).toBe(3);
      else expect(data, name).toEqual(before.get(name)!.data);
    }
    const { model, card, classNames, statistics } = await loadModel(there);
    expect({ classes: model.classes, classNames }).toEqual({ classes: 3, classNames: names });
    // Its images are normalised as those of the first training, on which the trunk depends.
    expect(statistics.mean).toEqual((await loadModel(path)).statistics.mean);
    expect(card).toMatchObject({
      settings: { freeze: trunk, head, statistics: { mean: [...statistics.mean], scale: [...statistics.scale] } },
      from: {
        ...{ file: 'base.safetensors', sha256: sha256(path), network: 'branched', classes: 100 },
        card: { step: 4, train: { count: 32, classes: 100 }, settings: { seed: 3 } },
      },
    });
    expect(card!.from!.card).toEqual((await loadModel(path)).card);
    expect(card!.from!.card).not.toHaveProperty('from');
  });

  test('goes on from a checkpoint bit by bit, and its card still says what it came from', async () => {
    const checkpoint = join(folder, 'last.checkpoint');
    const whole = trainer({ freeze: trunk });
    await whole.fit({ steps: 4 });
    await whole.save(checkpoint);
    await whole.fit({ steps: 3 });
    const resumed = trainer({ freeze: trunk });
    await resumed.restore(checkpoint);
    await resumed.fit({ steps: 3 });
    expect((await snapshot(resumed.state)).equals(await snapshot(whole.state))).toBe(true);
    expect(await resumed.card()).toEqual(await whole.card());
    // The first weights do not matter any more: those of another file of the same network may take their place.
    const other = join(folder, 'other.safetensors');
    await whole.saveWeights(other);
    const again = trainer({ freeze: trunk, weights: other, head: undefined });
    await expect(again.restore(checkpoint)).rejects.toThrow(
      /settings differ: head is \{"classes":3\} there and absent here/,
    );
    // Images that are normalised in another way would give other numbers.
    const otherwise = trainer({ freeze: trunk, statistics: {} });
    await expect(otherwise.restore(checkpoint)).rejects.toThrow(
      /settings differ: statistics\.mean is .* there and absent here/,
    );
  });

  test('can be fine-tuned once more, whole: the card has both trainings', async () => {
    const first = join(folder, 'first.safetensors');
    const frozen = trainer({ freeze: trunk });
    await frozen.fit({ steps: 2 });
    await frozen.saveWeights(first);
    const whole = trainer({ weights: first, head: undefined });
    expect(whole.state.frozen).toEqual([]);
    expect((await whole.predict(data.test)).logits).toEqual((await frozen.predict(data.test)).logits);
    await whole.fit({ steps: 2 });
    expect((await whole.card()).from).toMatchObject({
      file: 'first.safetensors',
      card: { from: { file: 'base.safetensors' } },
    });
    await whole.saveWeights(first);
    expect((await loadModel(first)).card!.from!.card!.from!.classes).toBe(100);
  });

  test('begins with another head for another seed, and is normalised by the training set if that is asked for', async () => {
    const [five, again, six] = [trainer(), trainer(), trainer({ seed: 6, statistics: {} })];
    const headOf = ({ state }: typeof five) => state.read(state.parameters.find(({ name }) => name === 'head/weight')!);
    expect(await headOf(five)).toEqual(await headOf(again));
    expect(await headOf(five)).not.toEqual(await headOf(six));
    const mean = async (one: typeof five) => Math.round((await one.statistics()).mean[0]!);
    expect(await mean(six)).toBeGreaterThan((await mean(five)) + 20);
  });
});

describe('weights for a model that the program makes', () => {
  test('give the same training as the file alone, also with frozen statistics', async () => {
    const common = { head: undefined, ...pretrained, freeze: ['thin', 'wide/weight'] };
    const [own, file] = [trainer({ model: make(), ...common }), trainer(common)];
    await Promise.all([own.fit({ steps: 2 }), file.fit({ steps: 2 })]);
    expect((await snapshot(own.state)).equals(await snapshot(file.state))).toBe(true);
  });

  test('leave the head out, which is new then', async () => {
    const model = make(3);
    const fresh = model.parameters.findIndex(({ name }) => name === 'head/weight');
    const own = trainer({ model, freeze: trunk });
    const scratch = trainer({ model: make(3), weights: undefined, head: undefined });
    const read = (one: typeof own, index: number) => one.state.read(one.model.parameters[index]!);
    expect(await read(own, fresh)).toEqual(await read(scratch, fresh));
    expect(await read(own, 0)).toEqual(readSafetensors(path).tensors.get('stem/weight')!.data);
    expect(await read(own, 0)).not.toEqual(await read(scratch, 0));
  });
});

describe('what does not fit is refused', () => {
  const refused = (options: Partial<TrainerOptions>, code: string, message: string | RegExp) =>
    expect(() => trainer(options)).toThrow(
      expect.objectContaining({
        code,
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      }),
    );

  test('classes without a new head', () => {
    const remedy = '(head: { classes: 3 }, --new-head of the command, gives it a new last layer)';
    refused(
      { head: undefined },
      'ERR_INVALID_ARGUMENT',
      `Expected the 100 of the network of ${path} ${remedy} for classes of train but received 3`,
    );
    refused(
      { model: make(3), head: undefined },
      'ERR_DATA',
      `${path} does not have 2 of the network's 18 weights: ` +
        '"head/weight" [3, 32]: expected shape [3, 32] for "head/weight" but received [100, 32]; ' +
        '"head/bias" [3]: expected shape [3] for "head/bias" but received [100]. ' +
        'head: { classes: 3 }, --new-head of the command, leaves the last layer of the file out',
    );
    refused({ model: make(4) }, 'ERR_INVALID_ARGUMENT', "Expected the model's 4 for head.classes but received 3");
    refused(
      { head: { classes: 2 } },
      'ERR_INVALID_ARGUMENT',
      /at most the model's 2 for classes of train but received 3|classes of train/,
    );
    refused({ head: { classes: 0 } }, 'ERR_INVALID_ARGUMENT', /an integer from 1 to 1000000 for head\.classes/);
    refused({ head: {} as never }, 'ERR_INVALID_ARGUMENT', /head\.classes/);
  });

  test('classes of other names without a new head', async () => {
    const named = join(folder, 'named.safetensors');
    const first = trainer({ freeze: trunk });
    await first.saveWeights(named);
    const other = (classNames: string[]) => ({
      weights: named,
      head: undefined,
      train: otherData(24, { classNames }),
      test: undefined,
    });
    refused(
      other(['ant', 'cat', 'bee']),
      'ERR_INVALID_ARGUMENT',
      /^Expected "bee", as in .*named.safetensors \(head: .*\), for class 1 of train but received "cat"$/,
    );
    trainer(other(names));
  });

  test('weights of another shape, missing and superfluous ones, each with the nearest', () => {
    const { tensors, metadata } = readSafetensors(path);
    const changed = join(folder, 'changed.safetensors');
    const write = (change: (all: Map<string, { shape: readonly number[]; data: Float32Array }>) => void) => {
      const all = new Map(tensors) as Parameters<typeof change>[0];
      change(all);
      writeSafetensors(changed, { tensors: all, metadata });
    };
    const own = { model: make(), head: undefined, ...pretrained, weights: changed };
    write((all) => {
      all.set('steam/weight', all.get('stem/weight')!);
      all.set('stem/weight', { shape: [1], data: new Float32Array(1) });
    });
    refused(
      own,
      'ERR_DATA',
      /"stem\/weight" \[16, 3, 3, 3\]: expected shape \[16, 3, 3, 3\] for "stem\/weight" but received \[1\]\. The nearest is "steam\/weight"$/,
    );
    refused(
      { ...own, model: undefined },
      'ERR_DATA',
      /expected shape \[16,3,3,3\] for "stem\/weight" but received \[1\]/,
    );
    write((all) => {
      all.set('wider/weight', all.get('wide/weight')!);
      all.delete('wide/weight');
    });
    refused(
      { ...own, model: make() },
      'ERR_DATA',
      /"wide\/weight" \[16, 1, 3, 1\]: there is no "wide\/weight"\. The nearest is "wider\/weight"$/,
    );
    write((all) => all.set('more', { shape: [1], data: new Float32Array(1) }));
    refused({ ...own, model: make() }, 'ERR_DATA', `${changed} has tensors that the network does not have: "more"`);
  });

  test('what is no file of a network, and options without a meaning', async () => {
    refused({ weights: join(folder, 'none') }, 'ERR_DATA', /^Cannot read .*none: /);
    refused({ weights: '' }, 'ERR_INVALID_ARGUMENT', /a path for weights/);
    refused(
      { weights: undefined },
      'ERR_INVALID_ARGUMENT',
      /^Expected a Model, or a model file as weights, for model but received nothing$/,
    );
    refused(
      { weights: undefined, model: make() },
      'ERR_INVALID_ARGUMENT',
      /^Expected no value without weights: every layer of a new model is new, for head/,
    );
    refused(
      { freeze: ['hat'] },
      'ERR_INVALID_ARGUMENT',
      /its layers are stem, wide, thin, norm, head\) for freeze\[0\] but received "hat"/,
    );
    refused({ freeze: ['*'] }, 'ERR_INVALID_ARGUMENT', /leave a parameter to train/);
    const foreign = join(folder, 'foreign.safetensors');
    writeSafetensors(foreign, {
      tensors: new Map([['fc.weight', { shape: [1], data: new Float32Array(1) }]]),
      metadata: {},
    });
    refused(
      { weights: foreign },
      'ERR_INVALID_ARGUMENT',
      /^Expected a Model, because .*foreign\.safetensors holds no network/,
    );
    refused(
      { weights: foreign, model: tinyModel(), head: undefined, ...pretrained },
      'ERR_DATA',
      /does not have 4 of the network's 4 weights/,
    );
  });
});
