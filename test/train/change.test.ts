/** Runs that go on from a checkpoint with other settings. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Adam } from '../../lib/optim/adam';
import type { EpochEvent } from '../../lib/optim/metric';
import { plateauRate } from '../../lib/optim/plateau';
import { cosineRate } from '../../lib/optim/schedules';
import { Sgd } from '../../lib/optim/sgd';
import { JsonlLog } from '../../lib/train/callbacks';
import type { ChangeableSetting, RestoreOptions } from '../../lib/train/checkpoint/changes';
import { readCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import { Cursor } from '../../lib/train/checkpoint/cursor';
import { decodeHistory, encodeHistory } from '../../lib/train/checkpoint/history';
import type { TrainEvent } from '../../lib/train/events';
import type { FitOptions, Trainer, TrainerOptions } from '../../lib/train/trainer';
import { temporaryFolder } from '../temporary';
import { snapshot, trainersWith } from './support';
import { tinyModel } from './tinyModel';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);

const small = trainersWith(() => ({ model: tinyModel(), learningRate: 0.01 }));

async function run(trainer: Trainer, options: FitOptions): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of trainer.fit(options)) events.push(event);
  return events;
}

// Four steps: one epoch of three, and one step of the next.
beforeAll(async () => {
  const trainer = small();
  await run(trainer, { steps: 4 });
  await trainer.save(path('checkpoint'));
});

async function resumed(options: Partial<TrainerOptions>, change: ChangeableSetting[], more: RestoreOptions = {}) {
  const trainer = small(options);
  await trainer.restore(path('checkpoint'), { change, ...more });
  return trainer;
}

describe('restore() with { change }', () => {
  test('takes another learning rate, schedule, clipping and smoothing, reports and records them', async () => {
    const log = new JsonlLog(path('log.jsonl'));
    const options = { optimizer: new Sgd({ clipNorm: 1, momentum: 0.8 }), labelSmoothing: 0.1, callbacks: [log] };
    const schedule = cosineRate({ rate: 0.002 });
    const trainer = await resumed(
      { ...options, learningRate: undefined, schedule },
      ['learningRate', 'optimizer', 'labelSmoothing'],
      {
        reason: 'too high',
      },
    );
    const events = await run(trainer, { totalSteps: 8 });
    expect(events[0]).toEqual({
      ...{ event: 'changed', step: 4, reason: 'too high' },
      changed: [
        { name: 'labelSmoothing', from: 0, to: 0.1 },
        { name: 'optimizer.clipNorm', from: null, to: 1 },
        { name: 'optimizer.momentum', from: 0.9, to: 0.8 },
        { name: 'learningRate', from: 0.01, to: expect.objectContaining({ name: 'cosine' }) },
      ],
    });
    // The schedule counts from the beginning of training.
    expect(events[1]).toMatchObject({
      event: 'step',
      step: 5,
      learningRate: schedule.at(4, { stepsPerEpoch: 3, totalSteps: 8 }),
    });
    expect(JSON.parse(readFileSync(path('log.jsonl'), 'utf8').split('\n')[0]!)).toEqual(events[0]);
    await trainer.save(path('changed'));
    const { info } = await readCheckpoint(path('changed'));
    expect(info.position.changes).toMatchObject([{ step: 4, reason: 'too high' }]);
    // The new settings are the run's from here on: no change is asked for, and none is reported.
    const next = small({ ...options, callbacks: [], learningRate: undefined, schedule });
    await next.restore(path('changed'));
    expect(next.changes).toEqual(trainer.changes);
    expect((await run(next, { steps: 1 })).map(({ event }) => event)).not.toContain('changed');
  });

  test('has no effect if nothing differs: the bits are those of a plain restore()', async () => {
    const [plain, asked] = [
      await resumed({}, []),
      await resumed({}, ['learningRate', 'optimizer', 'labelSmoothing', 'batch']),
    ];
    const events = await run(asked, { steps: 3 });
    await run(plain, { steps: 3 });
    expect(events.map(({ event }) => event)).not.toContain('changed');
    expect((await snapshot(asked.state)).equals(await snapshot(plain.state))).toBe(true);
  });

  test('takes another batch: the epoch goes on at the same image, and schedules count whole epochs', async () => {
    const schedule = () => cosineRate({ rate: 0.1 });
    const first = small({ learningRate: undefined, schedule: schedule() });
    await run(first, { steps: 4 });
    await first.save(path('batch'));
    const trainer = small({ learningRate: undefined, schedule: schedule(), batch: 8 });
    await trainer.restore(path('batch'), { change: ['batch'] });
    const events = await run(trainer, { totalEpochs: 3 });
    const epochs = events.filter((event) => event.event === 'epoch');
    // Step 4 has seen 16 of the 40 images of epoch 2: three more steps of 8, and then epochs of five.
    expect(epochs.map(({ epoch, step, complete }) => [epoch, step, complete])).toEqual([
      [2, 7, true],
      [3, 12, true],
    ]);
    // The first part of epoch 2 has an event of its own.
    expect(trainer.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 2, 3]);
    const length = { stepsPerEpoch: 5, totalSteps: 15 };
    expect(epochs.map(({ learningRate }) => learningRate)).toEqual([9, 14].map((step) => schedule().at(step, length)));
    await trainer.save(path('batch-again'));
    const again = small({ learningRate: undefined, schedule: schedule(), batch: 8 });
    await again.restore(path('batch-again'));
    expect(again.stepsOf({ totalEpochs: 4 })).toBe(5);
    expect(again.stepsOf({ epochs: 1 })).toBe(5);
  });

  test('a batch that does not divide what is done uses some images twice, and leaves none out', () => {
    const [before, after] = [new Cursor({ batch: 16, stepsPerEpoch: 3 }), new Cursor({ batch: 24, stepsPerEpoch: 2 })];
    for (const [step, place] of [
      [3, 0],
      [4, 0],
      [5, 1],
    ] as const) {
      Object.assign(before, { step, epoch: 1 });
      after.restore(before.save(), [], before.pace);
      expect([step, after.step - after.begin, after.end - after.begin]).toEqual([step, place, 2]);
    }
    // The last step of an epoch that has not been reported yet stays the last.
    Object.assign(before, { step: 6, epoch: 1 });
    after.restore(before.save(), [], before.pace);
    expect(after.step).toBe(after.end);
    const back = new Cursor({ batch: 16, stepsPerEpoch: 3 });
    back.restore(after.save(), [], after.pace);
    expect([back.step, back.shift]).toEqual([6, 0]);
  });

  test('begins a new plateau without what the old one has remembered', async () => {
    const plateau = (rate: number) => ({
      learningRate: undefined,
      schedule: plateauRate({ rate, patience: 0, threshold: 1 }),
    });
    const first = small(plateau(0.01));
    await run(first, { epochs: 3 });
    await first.save(path('plateau'));
    const trainer = small(plateau(0.005));
    await trainer.restore(path('plateau'), { change: ['learningRate'] });
    const [, step] = await run(trainer, { steps: 1 });
    expect(step).toMatchObject({ event: 'step', learningRate: 0.005 });
  });

  test('refuses what was not named, another kind of optimizer, and what cannot change', async () => {
    const refuse = (options: Partial<TrainerOptions>, change: ChangeableSetting[], message: RegExp) =>
      expect(resumed(options, change)).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT',
        message: expect.stringMatching(message),
      });
    await refuse({ batch: 8 }, ['learningRate'], /its settings differ: batch is 16 there and 8 here$/);
    await refuse({ batch: 8, seed: 1 }, ['batch'], /its settings differ: seed is 0 there and 1 here$/);
    await refuse({ optimizer: new Adam() }, ['optimizer'], /optimizerSlots is 1 there and 2 here$/);
    await expect(small().restore(path('checkpoint'), { change: ['seed' as 'batch'] })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(
        /^Expected learningRate, .*, classWeights, augmentation, evaluateEvery, batch or accumulate for .*received "seed"/,
      ),
    });
    for (const wrong of [{ rateFactor: 0 }, { rateFactor: Number.NaN }, { change: 'batch' }, null, 3])
      await expect(small().restore(path('checkpoint'), wrong as never)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
  });
});

test('{ rateFactor } lowers every rate from there on, again with each restore, and stays in the run', async () => {
  const trainer = await resumed({}, [], { rateFactor: 0.5 });
  const [changed, step] = await run(trainer, { steps: 1 });
  expect(changed).toMatchObject({ event: 'changed', changed: [{ name: 'rateFactor', from: 1, to: 0.5 }] });
  expect(step).toMatchObject({ learningRate: 0.005 });
  await trainer.save(path('lowered'));
  const next = small();
  await next.restore(path('lowered'), { rateFactor: 0.5 });
  expect((await run(next, { steps: 1 }))[1]).toMatchObject({ learningRate: 0.0025 });
  expect(next.changes).toHaveLength(2);
});

test('a checkpoint holds every epoch event, with the values that JSON has no words for', async () => {
  const events = await run(await resumed({}, []), { steps: 2 });
  const epoch = events.find((event): event is EpochEvent => event.event === 'epoch')!;
  const strange: EpochEvent = { ...epoch, complete: false, testLoss: Number.NaN, trainLoss: Number.POSITIVE_INFINITY };
  expect(decodeHistory(encodeHistory([epoch, strange]))).toEqual([epoch, strange]);
  expect(decodeHistory()).toEqual([]);
  expect(() => decodeHistory(new Uint8Array(81))).toThrow(expect.objectContaining({ code: 'ERR_CHECKPOINT' }));
});
