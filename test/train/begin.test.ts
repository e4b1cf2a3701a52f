/** Schedules and callbacks that remember, given to a second Trainer. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { plateauRate } from '../../lib/optim/plateau';
import { constantRate, type Schedule } from '../../lib/optim/schedule';
import { cosineRate, oneCycleRate, stepRate, warmUp } from '../../lib/optim/schedules';
import type { Callback } from '../../lib/train/callback';
import { Checkpoints, CsvLog, EarlyStopping, JsonlLog } from '../../lib/train/callbacks';
import type { TrainEvent } from '../../lib/train/events';
import type { Trainer, TrainerOptions } from '../../lib/train/trainer';
import { temporaryFolder } from '../temporary';
import { snapshot, trainersWith } from './support';
import { tinyModel } from './tinyModel';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);

const small = trainersWith(() => ({ model: tinyModel() }));

async function run(trainer: Trainer, epochs: number): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of trainer.fit({ epochs })) events.push(event);
  return events;
}

/** Events without times, which differ from run to run, and without steps, whose grouping does. */
const lasting = (events: readonly TrainEvent[]) =>
  events.filter(({ event }) => event !== 'step').map((event) => ({ ...event, imagesPerSecond: 0, seconds: 0 }));

const busy = (message: RegExp) =>
  expect.objectContaining({ code: 'ERR_BUSY', message: expect.stringMatching(message) });

describe('used again after the first Trainer was disposed of', () => {
  test('EarlyStopping begins anew: the second model keeps its own weights, and trains as with a new one', async () => {
    const make = () => new EarlyStopping({ metric: 'testLoss', patience: 1, minDelta: 1e3 });
    const stopping = make();
    const first = small({ callbacks: [stopping], seed: 1 });
    await run(first, 5);
    const weights = await snapshot(first.state);
    first.dispose();
    const [again, fresh] = [small({ callbacks: [stopping], seed: 2 }), small({ callbacks: [make()], seed: 2 })];
    expect(lasting(await run(again, 5))).toEqual(lasting(await run(fresh, 5)));
    expect((await snapshot(again.state)).equals(await snapshot(fresh.state))).toBe(true);
    expect((await snapshot(again.state)).equals(weights)).toBe(false);
  });

  test('plateauRate() begins anew, with its first rate, also within a warm-up', async () => {
    const plateau = plateauRate({ rate: 0.01, patience: 0, threshold: 1 });
    for (const schedule of [plateau, warmUp(plateau, { steps: 1 })]) {
      const first = small({ schedule });
      await run(first, 3);
      expect(schedule.at(9, { stepsPerEpoch: 3, totalSteps: 9 })).toBeLessThan(0.01);
      first.dispose();
      const second = small({ schedule });
      const [event] = await run(second, 1);
      expect(event).toMatchObject({ event: 'step', learningRate: 0.01 });
      second.dispose();
    }
  });

  test('Checkpoints and logs are refused, because their files belong to the first model', async () => {
    const make: Record<string, () => Callback> = {
      checkpoints: () => new Checkpoints({ folder: path('of-one') }),
      jsonlLog: () => new JsonlLog(path('of-one.jsonl')),
      csvLog: () => new CsvLog(path('of-one.csv')),
    };
    for (const [name, makeOne] of Object.entries(make)) {
      const callback = makeOne();
      // A Trainer that has not trained leaves nothing behind.
      small({ callbacks: [callback] }).dispose();
      const first = small({ callbacks: [callback] });
      await run(first, 1);
      first.dispose();
      const left = existsSync(path('of-one')) ? readFileSync(path('of-one/last.checkpoint')) : null;
      expect(() => small({ callbacks: [callback] }), name).toThrow(busy(/of-one.* of another Trainer: make (a )?new/));
      if (left) expect(readFileSync(path('of-one/last.checkpoint')).equals(left)).toBe(true);
    }
  });

  test('a callback or schedule of users is refused unless it has a begin() or remembers nothing', async () => {
    const saving: Callback = { name: 'mine', save: () => ({ state: 1 }), restore: () => {} };
    small({ callbacks: [saving] }).dispose();
    expect(() => small({ callbacks: [saving] })).toThrow(busy(/Callback "mine" has belonged to another Trainer/));
    const schedule: Schedule = { ...constantRate(0.1), name: 'mine', save: () => 1 };
    small({ schedule }).dispose();
    expect(() => small({ schedule })).toThrow(busy(/Schedule "mine" has belonged/));
    let begun = 0;
    const beginning: Callback = { ...saving, begin: () => void begun++ };
    small({ callbacks: [beginning] }).dispose();
    small({ callbacks: [beginning] }).dispose();
    expect(begun).toBe(2);
  });
});

describe('used while the first Trainer is not disposed of', () => {
  const refuse = (options: Partial<TrainerOptions>) => {
    small(options);
    expect(() => small(options)).toThrow(busy(/belongs to another Trainer, which was not disposed of: make a new one/));
  };

  test('all that remember are refused', () => {
    refuse({ callbacks: [new EarlyStopping()] });
    refuse({ callbacks: [new Checkpoints({ folder: path('both') })] });
    refuse({ callbacks: [new JsonlLog(path('both.jsonl'))] });
    refuse({ callbacks: [new CsvLog(path('both.csv'))] });
    refuse({ callbacks: [{ name: 'mine', restore: () => {} }] });
    refuse({ schedule: plateauRate({ rate: 0.1 }) });
    const plateau = plateauRate({ rate: 0.1 });
    small({ schedule: warmUp(plateau, { steps: 1 }) });
    expect(() => small({ schedule: warmUp(plateau, { steps: 1 }) })).toThrow(busy(/Schedule "plateau" belongs/));
  });

  test('one that is refused binds no model, and lets no other begin', () => {
    const calls: string[] = [];
    const stopping = new EarlyStopping();
    small({ callbacks: [stopping] });
    const model = tinyModel();
    const counting: Callback = { name: 'counting', begin: () => void calls.push('begin') };
    expect(() => small({ model, callbacks: [counting, stopping] })).toThrow(busy(/earlyStopping/));
    expect(calls).toEqual([]);
    // Neither the model nor the other callback belongs to the Trainer that was not made.
    small({ model, callbacks: [counting] });
    expect(calls).toEqual(['begin']);
  });

  test('those that remember nothing may be shared', () => {
    const shared: Callback = { name: 'shared', onStep: () => {} };
    const rates = [constantRate(0.1), cosineRate({ rate: 0.1 }), stepRate({ rate: 0.1, milestones: [1] })];
    for (const schedule of [...rates, oneCycleRate({ peak: 0.1 }), warmUp(constantRate(0.1), { steps: 2 })]) {
      small({ schedule, callbacks: [shared] });
      small({ schedule, callbacks: [shared] });
    }
  });
});

test('a Trainer that was disposed of calls no callback, which may belong to another one by then', async () => {
  const calls: string[] = [];
  const callback: Callback = {
    name: 'own',
    begin: () => void calls.push('begin'),
    onEnd: () => void calls.push('end'),
  };
  const first = small({ callbacks: [callback] });
  const leave = async () => {
    for await (const { event } of first.fit({ steps: 1 })) {
      if (event !== 'epoch') continue;
      first.dispose();
      small({ callbacks: [callback] });
    }
  };
  await expect(leave()).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  expect(calls).toEqual(['begin', 'begin']);
});
