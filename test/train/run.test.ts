import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ImageSource } from '../../lib/data/source';
import type { EpochEvent } from '../../lib/optim/metric';
import { plateauRate } from '../../lib/optim/plateau';
import { warmUp } from '../../lib/optim/schedules';
import { Sgd } from '../../lib/optim/sgd';
import type { Callback } from '../../lib/train/callback';
import { Checkpoints, EarlyStopping, JsonlLog } from '../../lib/train/callbacks';
import { decodeCheckpoint, encodeCheckpoint, readCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import type { CheckpointInfo } from '../../lib/train/checkpoint/checkpointInfo';
import { RunFolder } from '../../lib/train/runFolder';
import type { Trainer, TrainerOptions } from '../../lib/train/trainer';
import { temporaryFolder } from '../temporary';
import { smallData, smallModel, snapshot, trainersWith } from './support';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);

const small = trainersWith(() => ({}));

async function run(trainer: Trainer, steps: number): Promise<void> {
  for await (const _ of trainer.fit({ steps }));
}

const refusal = (message: RegExp) => ({ code: 'ERR_CHECKPOINT', message: expect.stringMatching(message) });

test('a run has a report even if its loss is NaN in the end', async () => {
  using runs = new RunFolder(path('overflow'));
  const model = smallModel();
  const trainer = small({ model });
  await trainer.checkpoint();
  const epoch: Partial<EpochEvent> = { event: 'epoch', epoch: 1, step: 8, trainLoss: 4.5, testLoss: Number.NaN };
  const rates = { trainAccuracy: 0.1, testAccuracy: 0, imagesPerSecond: 9 };
  writeFileSync(join(runs.path, 'metrics.jsonl'), `${JSON.stringify({ ...epoch, ...rates })}\n`);
  const { report } = await runs.finish({
    ...{ model, state: trainer.state, statistics: await trainer.statistics() },
    ...{ data: smallData().train, settings: {}, card: await trainer.card() },
  });
  const words = readFileSync(report, 'utf8')
    .replace(/<[^>]*>/g, ' ')
    .replace(/ +/g, ' ');
  expect(words).toContain('4.5000 10.00 % NaN 0.00 %');
});

test('where the last checkpoint is broken, the previous one is offered, and takes its place when it is used', async () => {
  const make = () => {
    const runs = new RunFolder(path('broken'), { resume: true });
    return { runs, trainer: small({ callbacks: runs.callbacks }) };
  };
  const begun = make();
  await run(begun.trainer, 6);
  begun.runs.dispose();
  const { runs, trainer } = make();
  const [last, previous] = [runs.checkpoints.path('last'), runs.checkpoints.path('previous')];
  await expect(small({ batch: 8 }).restore(last)).rejects.toMatchObject(refusal(/batch is 16 there and 8 here$/));
  writeFileSync(last, readFileSync(last).subarray(0, 100));
  await expect(runs.restore(trainer, 'last')).rejects.toMatchObject(
    refusal(/last\.checkpoint is cut off: .*; previous\.checkpoint can be used instead \(--resume previous\)$/),
  );
  await runs.restore(trainer, 'previous');
  expect(trainer.step).toBe(3);
  // From here on, last.checkpoint must be a valid file again.
  expect((await readCheckpoint(last)).info.position.step).toBe(3);
  await run(trainer, 3);
  expect((await readCheckpoint(previous)).info.position.step).toBe(3);
  expect((await readCheckpoint(last)).info.position.step).toBe(6);
  runs.dispose();
  expect(existsSync(join(runs.path, '.lock'))).toBe(false);
});

test('a checkpoint that a callback refuses changes nothing: no state, position, schedule, callback, no file', async () => {
  const refusing: Callback = {
    name: 'refusing',
    restore: () => {
      throw new Error('not mine');
    },
  };
  const make = (name: string, callbacks: Callback[] = []) => {
    const log = new JsonlLog(path(`${name}.jsonl`));
    const stopping = new EarlyStopping({ metric: 'testLoss', patience: 1, minDelta: 1e3 });
    const schedule = plateauRate({ rate: 0.01, patience: 0 });
    const remembering = [log, stopping, new Checkpoints({ folder: path(name), best: 'testLoss' })];
    return { remembering, schedule, trainer: small({ schedule, callbacks: [...remembering, ...callbacks] }) };
  };
  const { trainer: other } = make('other');
  await run(other, 3);
  await other.save(path('other.checkpoint'));
  const { trainer, remembering, schedule } = make('own', [refusing]);
  await run(trainer, 4);
  const saved = () => [schedule.save!(), ...remembering.map(({ save }, index) => save!.call(remembering[index]))];
  const [before, known, lines] = [await snapshot(trainer.state), saved(), readFileSync(path('own.jsonl'))];
  await expect(trainer.restore(path('other.checkpoint'))).rejects.toMatchObject(
    refusal(/other\.checkpoint cannot be restored: not mine$/),
  );
  expect(trainer.step).toBe(4);
  expect((await snapshot(trainer.state)).equals(before)).toBe(true);
  expect(saved()).toEqual(known);
  expect(readFileSync(path('own.jsonl')).equals(lines)).toBe(true);
  await run(trainer, 1);
});

test('what cannot be set back after a refused checkpoint is named, a schedule too', async () => {
  const refuse = () => {
    throw new Error('not mine');
  };
  const make = (restore: (saved: unknown) => void) =>
    small({
      schedule: { name: 'own', at: () => 0.1, save: () => 1, begin: () => {}, restore },
      callbacks: [{ name: 'counter', begin: () => {}, save: () => ({ state: 1 }), restore }],
    });
  await make(() => {}).save(path('stubborn.checkpoint'));
  await expect(make(refuse).restore(path('stubborn.checkpoint'))).rejects.toMatchObject(
    refusal(/cannot be restored: not mine; these could not be set back: the schedule, callback "counter"$/),
  );
});

test('a checkpoint without content is refused, whatever its checksum', () => {
  const bytes = Buffer.concat(encodeCheckpoint({ info: null as unknown as CheckpointInfo, arrays: new Map() }));
  expect(() => decodeCheckpoint(bytes, 'file')).toThrow(
    expect.objectContaining(refusal(/^file was altered or damaged: its content is not an object/)),
  );
});

test('settings that no rate shows are compared: groups of parameters, and what a plateau waits for', async () => {
  const saved = async (name: string, options: () => Partial<TrainerOptions>) => {
    await small(options()).save(path(name));
    await small(options()).restore(path(name));
  };
  const grouped = (match: RegExp) => ({ optimizer: new Sgd({ groups: [{ match, learningRate: 2 }] }) });
  await saved('groups', () => grouped(/bias$/));
  await expect(small(grouped(/weight$/)).restore(path('groups'))).rejects.toMatchObject(
    refusal(/settings differ: optimizer\.groups/),
  );
  const plateau = (patience: number, epochs = 1) => ({
    schedule: warmUp(plateauRate({ rate: 0.1, patience }), { epochs }),
  });
  await saved('plateau', () => plateau(3));
  await expect(small(plateau(4)).restore(path('plateau'))).rejects.toMatchObject(
    refusal(/settings differ: learningRate\.patience is 3 there and 4 here$/),
  );
  await expect(small(plateau(3, 2)).restore(path('plateau'))).rejects.toMatchObject(
    refusal(/learningRate\.warmUp\.epochs is 1 there and 2 here$/),
  );
});

test('images are read once, not for every checkpoint', async () => {
  const { train } = smallData(40, 20);
  let reads = 0;
  const counted: ImageSource = {
    ...{ count: train.count, shape: train.shape, labels: train.labels, classes: 100, classNames: null },
    read: (indices, target) => {
      reads++;
      return train.read(indices, target);
    },
  };
  const trainer = small({ train: counted });
  await trainer.checkpoint();
  const once = reads;
  expect(once).toBeGreaterThan(0);
  await trainer.checkpoint();
  expect(reads).toBe(once);
});

test('labels that do not fit are refused in any source, and so is what is no optimizer', () => {
  const { train } = smallData(40, 20);
  const labelled = (labels: Int32Array): ImageSource => ({
    ...{ count: 40, shape: train.shape, labels, classes: 100, classNames: null },
    read: (indices, target) => train.read(indices, target),
  });
  for (const label of [-1, 100]) {
    const labels = train.labels.slice();
    labels[7] = label;
    expect(() => small({ train: labelled(labels) })).toThrow(
      `Expected an integer from 0 to 99 for labels[7] of train but received ${label}`,
    );
  }
  expect(() => small({ test: labelled(train.labels.subarray(1)) })).toThrow(
    'one for each of 40 images for labels of test but received 39',
  );
  for (const optimizer of ['sgd', {}, null]) {
    expect(() => small({ optimizer: optimizer as never })).toThrow(/an Optimizer for optimizer but received/);
  }
});
