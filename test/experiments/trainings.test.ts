/** A folder of many trainings: each runs once, continues after an interruption with the same results, and leaves its result. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chanceOf, describeStatus, isStuck, learningThreshold } from '../../lib/experiments/status';
import {
  type LabelledTraining,
  readTraining,
  runTrainings,
  type TrainingsEvent,
} from '../../lib/experiments/trainings';
import { relu } from '../../lib/ops/activations';
import { constantRate } from '../../lib/optim/schedule';
import { cosineRate } from '../../lib/optim/schedules';
import type { Settings } from '../../lib/train/runFolder';
import { TestRandom, testSeed } from '../random';
import { temporaryFolder } from '../temporary';
import { cpu, smallData, smallModel } from '../train/support';

const folder = temporaryFolder();
const random = new TestRandom(testSeed);
const data = smallData(64, 32);

const trainingOf = (
  name: string,
  rate: number,
  seed: number,
  settings: Settings = { rate, seed },
): LabelledTraining => ({
  label: `${name}, rate ${rate}`,
  folder: name,
  epochs: 2,
  settings,
  make: () => ({
    model: smallModel({ activation: relu() }),
    schedule: rate < 1 ? cosineRate({ rate }) : constantRate(rate),
    ...{ seed, batch: 16 },
  }),
});

const seed = random.integer(1000);
const trainings = [trainingOf('slow', 0.01, seed), trainingOf('fast', 1e6, seed), trainingOf('last', 0.02, seed)];
const optionsOf = (name: string) => ({ folder: join(folder, name), trainings, data, device: cpu() });
const read = (name: string) => trainings.map((training) => readTraining(join(folder, name), training));

/** Reads the results of a training that must not depend on interruptions. */
const lasting = (name: string) =>
  read(name).map(({ status, epochs, result }) => ({
    status,
    epochs: epochs.map((epoch) => ({ ...epoch, imagesPerSecond: 0 })),
    evaluated: result?.evaluatedTrain,
  }));

test('each is trained once, one that diverges too, and says what became of it', async () => {
  expect(read('whole').map(({ status }) => status.kind)).toEqual(['missing', 'missing', 'missing']);
  const events: TrainingsEvent[] = [];
  const options = { ...optionsOf('whole'), onEvent: (event: TrainingsEvent) => events.push(event) };
  expect(await runTrainings(options)).toBe(true);
  expect(events.filter(({ event }) => event === 'ended')).toHaveLength(3);
  const [slow, fast, last] = read('whole');
  expect(fast!.status).toMatchObject({
    kind: 'diverged',
    message: expect.stringContaining('Training stopped at step'),
  });
  const { step, message } = fast!.status as { step: number; message: string };
  expect(message).toContain(`at step ${step}:`);
  for (const record of [slow!, last!]) {
    expect(record.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    const { result } = record;
    expect(result).toMatchObject({ ending: 'done', steps: 8, failure: null, last: record.epochs[1] });
    expect(result!.best!.testAccuracy).toBe(Math.max(...record.epochs.map(({ testAccuracy }) => testAccuracy!)));
    expect(result!.evaluatedTrain!.loss).toBeGreaterThan(0);
    expect(result!.seconds).toBeGreaterThan(0);
    // The data has one image of each of 64 classes.
    expect(result!.chance).toEqual({ accuracy: 1 / 64, images: 64 });
  }
  expect(slow!.result!.last!.trainLoss).not.toBe(last!.result!.last!.trainLoss);
  const files = readdirSync(join(folder, 'whole', 'slow'));
  expect(files).toEqual(expect.arrayContaining(['result.json', 'model.safetensors', 'config.json']));
  expect(files.filter((name) => name.endsWith('.checkpoint'))).toEqual([]);

  events.length = 0;
  expect(await runTrainings(options)).toBe(true);
  expect(events).toEqual([]);
});

test('interrupted at any event, it goes on to the same numbers', async () => {
  const options = { ...optionsOf('pieces'), checkpointMinutes: 1e-6, keepWeights: false };
  let pieces = 0;
  for (let ended = false; !ended; pieces++) {
    const abort = new AbortController();
    let left = 3 + random.integer(6);
    const onEvent = () => {
      if (--left === 0) abort.abort();
    };
    ended = await runTrainings({ ...options, signal: abort.signal, onEvent });
    expect(pieces).toBeLessThan(100);
  }
  expect(pieces).toBeGreaterThan(2);
  expect(lasting('pieces')).toEqual(lasting('whole'));
});

test('a training that is under way says how far it is', async () => {
  const abort = new AbortController();
  const options = { ...optionsOf('begun'), signal: abort.signal };
  const onEvent = (event: TrainingsEvent) => {
    if (event.event === 'step' && event.detail.event === 'epoch') abort.abort();
  };
  expect(await runTrainings({ ...options, onEvent })).toBe(false);
  expect(read('begun').map(({ status }) => describeStatus(status))).toEqual(['1/2 epochs', 'missing', 'missing']);
  expect(existsSync(join(folder, 'begun', 'fast'))).toBe(false);
  // The same if the signal is aborted before anything has begun.
  expect(await runTrainings(options)).toBe(false);
});

test('other settings in the same folder, and files that are damaged, are refused by name', async () => {
  const other = { ...optionsOf('whole'), trainings: [trainingOf('slow', 0.01, seed, { rate: 0.5, seed })] };
  await expect(runTrainings(other)).rejects.toMatchObject({
    code: 'ERR_CHECKPOINT',
    message: expect.stringMatching(/whole\/slow holds a training with other settings: rate is 0.01 there and 0.5 here/),
  });
  writeFileSync(join(folder, 'whole', 'slow', 'result.json'), '{"ending":');
  expect(() => read('whole')).toThrow(/result\.json: /);
});

describe('stuck', () => {
  test('is what guessing gets right by luck, three standard errors included', () => {
    const [classes, count] = [10, 500];
    const labels = Int32Array.from({ length: count }, (_, index) => index % classes);
    const chance = chanceOf({ labels, classes, count });
    expect(chance).toEqual({ accuracy: 0.1, images: count });
    expect(learningThreshold(chance)).toBeCloseTo(0.1 + 3 * Math.sqrt((0.1 * 0.9) / 500), 12);
    expect(learningThreshold({ accuracy: 0.01, images: 50_000 })).toBeCloseTo(0.01133, 5);
    const guess = () => labels.filter((label) => label === random.integer(classes)).length / count;
    const stuck = Array.from({ length: 100 }, () => isStuck(guess(), chance)).filter(Boolean).length;
    // A network that guesses is not recognised as stuck with probability 1/740.
    expect(stuck).toBeGreaterThan(96);
    expect([0.15, Number.NaN].map((accuracy) => isStuck(accuracy, chance))).toEqual([false, true]);
  });

  test('is to name the most frequent class always', () => {
    const labels = Int32Array.from([0, 1, 1, 1, 2, 2]);
    expect(chanceOf({ labels, classes: 4, count: 6 }).accuracy).toBe(0.5);
  });
});
