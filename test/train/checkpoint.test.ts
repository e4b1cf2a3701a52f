import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset';
import { headerLength } from '../../lib/files/safetensors';
import type { ForwardContext } from '../../lib/layers/context';
import { Dropout } from '../../lib/layers/dropout';
import { relu } from '../../lib/ops/activations';
import { Adam } from '../../lib/optim/adam';
import type { Schedule } from '../../lib/optim/schedule';
import { Sgd } from '../../lib/optim/sgd';
import type { Tensor } from '../../lib/tensor/tensor';
import { decodeCheckpoint, encodeCheckpoint, readCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import type { StepEvent, TrainEvent } from '../../lib/train/events';
import { type FitOptions, Trainer, type TrainerOptions } from '../../lib/train/trainer';
import { temporaryFolder } from '../temporary';
import { cpu, smallData, smallModel, snapshot } from './support';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);

const trainers: Trainer[] = [];
afterEach(() => {
  for (const trainer of trainers.splice(0)) trainer.dispose();
});

/** Makes a schedule whose rate differs in every step and depends on the losses that it has observed. */
function fallingRate(): Schedule {
  let factor = 1;
  return {
    name: 'falling',
    at: (step, { totalSteps }) => (factor * 0.05 * (totalSteps - step)) / totalSteps,
    observe: ({ testLoss }) => {
      factor *= testLoss! > 4.6 ? 0.9 : 0.95;
    },
    save: () => factor,
    restore: (saved) => {
      factor = saved as number;
    },
  };
}

function small(options: Partial<TrainerOptions> = {}): Trainer {
  const schedule = options.learningRate === undefined ? fallingRate() : undefined;
  const trainer = new Trainer({ model: smallModel(), ...smallData(), device: cpu(), batch: 16, schedule, ...options });
  trainers.push(trainer);
  return trainer;
}

async function run(trainer: Trainer, options: FitOptions): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of trainer.fit(options)) events.push(event);
  return events;
}

/** Returns the parts of events that must not depend on interruptions: all except times and the grouping of steps. */
function lasting(events: readonly TrainEvent[]): unknown[] {
  return events
    .filter(({ event }) => event === 'epoch' || event === 'end')
    .map((event) => ({ ...event, imagesPerSecond: 0, seconds: 0 }));
}

/** Returns the message of the error by which a promise rejects. */
async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  expect(error).toMatchObject({ code: 'ERR_CHECKPOINT' });
  return error.message;
}

/** A layer without parameters, which the model therefore does not list. */
const drop = (x: Tensor, context?: ForwardContext): Tensor =>
  new Dropout({ name: 'drop', rate: 0.1 }).forward(x, context);

const totalSteps = 20;
let expected: { events: TrainEvent[]; state: Buffer };

beforeAll(async () => {
  using whole = small();
  const events = await run(whole, { totalSteps });
  expected = { events, state: await snapshot(whole.state) };
  trainers.pop();
  using short = small();
  await run(short, { steps: 2 });
  await short.save(path('checkpoint'));
  trainers.pop();
});

describe('a resumed run', () => {
  // An epoch has seven steps. A run that is cut at step 7 or 14 still has to evaluate that epoch.
  test.each([1, 3, 7, 10, 14, 19])('that was cut at step %i equals an uninterrupted one, bit for bit', async (cut) => {
    // Cut by a signal, which stops between native calls. The end of a fit() would not do, because schedules know of it in
    // advance.
    const abort = new AbortController();
    const onStep = ({ step }: StepEvent) => {
      if (step === cut) abort.abort();
    };
    const interrupted = small({ callbacks: [{ name: 'cut', everySteps: cut, onStep }] });
    const before: TrainEvent[] = [];
    const cutOff = async () => {
      for await (const event of interrupted.fit({ totalSteps, signal: abort.signal })) before.push(event);
    };
    await expect(cutOff()).rejects.toMatchObject({ name: 'AbortError' });
    expect(interrupted.step).toBe(cut);
    await interrupted.save(path('cut'));

    const resumed = small();
    await resumed.restore(path('cut'));
    expect(resumed.step).toBe(cut);
    const after = await run(resumed, { totalSteps });
    expect(lasting([...before, ...after])).toEqual(lasting(expected.events));
    expect((await snapshot(resumed.state)).equals(expected.state)).toBe(true);
  });

  test('with running statistics, averages, dropout and Adam, streamed, does the same', async () => {
    const make = () => {
      const base = smallModel({ normalization: 'batch' });
      const forward = (x: Tensor, context?: ForwardContext) => drop(base.forward(x, context), context);
      const optimizer = new Adam({ ema: { decay: 0.9 } });
      return small({ model: { ...base, forward }, optimizer, labelSmoothing: 0.1, data: 'streaming' });
    };
    const whole = make();
    const events = await run(whole, { totalSteps: 12 });
    const first = make();
    for await (const event of first.fit({ totalSteps: 12 })) if (event.event === 'step' && event.step >= 4) break;
    await first.save(path('all'));
    const resumed = make();
    await resumed.restore(path('all'));
    expect(resumed.step).toBeLessThan(12);
    expect(lasting(await run(resumed, { totalSteps: 12 })).slice(-2)).toEqual(lasting(events).slice(-2));
    expect((await snapshot(resumed.state)).equals(await snapshot(whole.state))).toBe(true);
  });

  test('does not depend on how steps are grouped into native calls', async () => {
    const singly = small({ callbacks: [{ name: 'singly', everySteps: 1 }] });
    const events = await run(singly, { totalSteps });
    expect(events.filter(({ event }) => event === 'step')).toHaveLength(totalSteps);
    expect(lasting(events)).toEqual(lasting(expected.events));
    expect((await snapshot(singly.state)).equals(expected.state)).toBe(true);
  });

  test('that has nothing left to do ends at once with the same end', async () => {
    const done = small();
    await run(done, { totalSteps });
    await done.save(path('done'));
    const again = small();
    await again.restore(path('done'));
    expect(lasting(await run(again, { totalSteps }))).toEqual(lasting(expected.events).slice(-1));
  });

  test('on another kind of machine is warned', async () => {
    const other = small();
    await other.restore(path('checkpoint'));
    expect((await run(other, { steps: 1 }))[0]).toMatchObject({ event: 'step' });
    const { info, arrays } = await readCheckpoint(path('checkpoint'));
    const machine = { ...info.machine, name: 'Z80', kernels: 'others' };
    writeFileSync(path('z80'), Buffer.concat(encodeCheckpoint({ info: { ...info, machine }, arrays })));
    const elsewhere = small();
    await elsewhere.restore(path('z80'));
    expect((await run(elsewhere, { steps: 1 }))[0]).toMatchObject({
      event: 'warning',
      message: expect.stringMatching(/another kind of machine \(name is Z80 there and .* here\): results may/),
    });
  });
});

describe('a checkpoint is refused', () => {
  const refuse = (file: string, options?: Partial<TrainerOptions>) => messageOf(small(options).restore(path(file)));

  test('where it is cut, at every length of its header and at the end', async () => {
    const bytes = readFileSync(path('checkpoint'));
    const header = 8 + headerLength(bytes);
    const lengths = [...Array(header + 1).keys(), header + 1000, bytes.length - 33, bytes.length - 1];
    for (const length of lengths) {
      const decode = () => decodeCheckpoint(bytes.subarray(0, length), 'cut');
      const pattern = new RegExp(`^cut is cut off: expected (at least )?\\d+ bytes, found ${length}$`);
      expect(decode, String(length)).toThrow(expect.objectContaining({ code: 'ERR_CHECKPOINT' }));
      expect(decode, String(length)).toThrow(pattern);
    }
    expect(decodeCheckpoint(bytes, 'whole').info.position.step).toBe(2);
    writeFileSync(path('cut'), bytes.subarray(0, -1));
    expect(await refuse('cut')).toContain(`expected ${bytes.length} bytes, found ${bytes.length - 1}`);
  });

  test('where any byte was altered, or something was added', () => {
    const bytes = readFileSync(path('checkpoint'));
    const header = 8 + headerLength(bytes);
    const places = [...Array(header).keys()].filter((at) => at % 7 === 0);
    for (const at of [...places, header, header + 5000, bytes.length - 40, bytes.length - 1]) {
      const altered = Buffer.from(bytes);
      altered[at]! ^= 1;
      const decode = () => decodeCheckpoint(altered, 'file');
      expect(decode, String(at)).toThrow(expect.objectContaining({ code: 'ERR_CHECKPOINT' }));
      if (at >= header) expect(decode).toThrow('file was altered or damaged: its checksum does not match its content');
    }
    const longer = Buffer.concat([bytes, Buffer.of(0)]);
    expect(() => decodeCheckpoint(longer, 'file')).toThrow(/altered or damaged: expected \d+ bytes, found \d+/);
  });

  test('where it is no checkpoint', async () => {
    writeFileSync(path('foreign'), 'PK\u0003\u0004 and so on, for more than eight bytes');
    expect(await refuse('foreign')).toBe(`${path('foreign')} is not a checkpoint of saturnn`);
    const weights = Buffer.from('xxxxxxxx{"__metadata__":{"model":"small"}}');
    weights.writeBigUInt64LE(BigInt(weights.length - 8));
    expect(() => decodeCheckpoint(weights, 'weights')).toThrow('weights is not a checkpoint of saturnn');
    expect(() => decodeCheckpoint(Buffer.alloc(100), 'zeros')).toThrow('zeros is not a checkpoint of saturnn');
    expect(await refuse('missing')).toMatch(/^Cannot read checkpoint .*missing: ENOENT/);
  });

  test('where it is of a later format', () => {
    const bytes = readFileSync(path('checkpoint'));
    const later = Buffer.from(bytes.toString('latin1').replace('"version":"1"', '"version":"9"'), 'latin1');
    expect(() => decodeCheckpoint(later, 'file')).toThrow(/of format 9; this version of saturnn reads format 1/);
  });

  test('where it is of another model, data set or setting, naming the first difference', async () => {
    copyFileSync(path('checkpoint'), path('c'));
    expect(await refuse('c', { model: smallModel({ activation: relu() }) })).toMatch(
      /belongs to another model: activation is leakyTanh:0.25 there and relu here$/,
    );
    const model = smallModel();
    const dropping = {
      ...model,
      forward: (x: Tensor, context?: ForwardContext) => drop(model.forward(x, context), context),
    };
    expect(await refuse('c', { model: dropping })).toMatch(/another model: computation is/);
    const renamed = smallModel();
    const [first] = renamed.parameters;
    Object.assign(first!, { name: 'trunk/weight' });
    expect(await refuse('c', { model: renamed })).toMatch(
      /another model: parameters\[0\] is "stem\/weight" \[16,3,3,3\] there and "trunk\/weight" \[16,3,3,3\] here$/,
    );
    expect(await refuse('c', { optimizer: new Sgd({ momentum: 0.8 }) })).toMatch(
      /settings differ: optimizer.momentum is 0.9 there and 0.8 here$/,
    );
    expect(await refuse('c', { batch: 10 })).toMatch(/settings differ: batch is 16 there and 10 here$/);
    expect(await refuse('c', { seed: 1 })).toMatch(/settings differ: seed is 0 there and 1 here$/);
    expect(await refuse('c', { learningRate: 0.01 })).toMatch(/settings differ: learningRate/);
    const { train, test: testSet } = smallData();
    expect(await refuse('c', { train: train.take(99) })).toMatch(
      /another training set: count is 100 there and 99 here$/,
    );
    const { images, shape, classes } = testSet;
    const labels = testSet.labels.map((label) => 99 - label);
    const other = Dataset.from({ images, labels, shape, classes });
    expect(await refuse('c', { test: other })).toMatch(/another test set: content is/);
  });

  test('without changing anything', async () => {
    const trainer = small();
    await run(trainer, { steps: 1 });
    const before = await snapshot(trainer.state);
    writeFileSync(path('cut'), readFileSync(path('checkpoint')).subarray(0, 5000));
    await messageOf(trainer.restore(path('cut')));
    expect(trainer.step).toBe(1);
    expect((await snapshot(trainer.state)).equals(before)).toBe(true);
    await run(trainer, { steps: 1 });
  });
});

test('a checkpoint is taken between events only', async () => {
  const trainer = small();
  const iterator = trainer.fit({ steps: 5 });
  await iterator.next();
  expect((await trainer.checkpoint()).info.position.step).toBe(trainer.step);
  const next = iterator.next();
  // Both are asked for at once, while the step is computed.
  const [checkpoint, restore] = [trainer.checkpoint(), trainer.restore(path('checkpoint'))];
  for (const refused of await Promise.allSettled([checkpoint, restore]))
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'ERR_BUSY' } });
  await next;
  await iterator.return();
  await trainer.restore(path('checkpoint'));
  expect(trainer.step).toBe(2);
});
