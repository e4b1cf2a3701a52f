/** Runs whose files are damaged, lost, or cannot be written. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ResultFolder } from '../../lib/experiments/resultFolder';
import { readStored } from '../../lib/experiments/storedJson';
import { type LabelledTraining, readTraining, runTrainings } from '../../lib/experiments/trainings';
import { constantRate } from '../../lib/optim/schedule';
import type { TrainEvent } from '../../lib/train/events';
import { readEvents } from '../../lib/train/runLog';
import { runTraining, type TrainingOptions } from '../../lib/train/training';
import { temporaryFolder } from '../temporary';
import { cpu, smallData, tinyModel } from './support';

const folder = temporaryFolder();
const path = (...names: string[]) => join(folder, ...names);
const data = smallData(40, 20);
const temporary = '.0123456789ab.tmp';

/** Trains in a folder until there are `epochs` epochs; every event goes to `show`. */
const train = (name: string, epochs: number, options: Partial<TrainingOptions> = {}, show = (_: TrainEvent) => {}) =>
  runTraining({
    ...{ folder: path(name), device: cpu(), model: tinyModel(), ...data, batch: 16, length: { totalEpochs: epochs } },
    watch: () => ({ show }),
    ...options,
  });

/** Limits the size of files that this process can write, as a full disk does. */
function limitFileSize(bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`]);
}

test('a damaged byte and lost lines in metrics.jsonl: the run ends, says so, and its results have every epoch', async () => {
  const log = path('log', 'metrics.jsonl');
  await train('log', 2);
  const bytes = readFileSync(log);
  bytes[bytes.indexOf('epoch')] = 0;
  writeFileSync(log, bytes);
  expect(() => readEvents(log)).not.toThrow();
  const warnings: string[] = [];
  const show = (event: TrainEvent) => void (event.event === 'warning' && warnings.push(event.message));
  const damaged = await train('log', 3, { resume: 'last' }, show);
  expect(damaged.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  truncateSync(log, 10);
  const lost = await train('log', 4, { resume: 'auto' }, show);
  expect(lost.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
  expect(warnings).toEqual([
    expect.stringContaining('was altered or damaged'),
    expect.stringContaining('has lost lines'),
  ]);
  expect(readdirSync(path('log'))).toEqual(expect.arrayContaining(['report.html', 'curves.svg', 'model.safetensors']));
});

test('on a disk that is too full for a checkpoint, the weights are written all the same, and everything that failed is named', async () => {
  let steps = 0;
  const fill = ({ event }: TrainEvent) => void (event === 'step' && steps++ === 0 && limitFileSize(6000));
  try {
    await expect(train('full', 1, {}, fill)).rejects.toMatchObject({
      code: 'ERR_OUTPUT',
      message: expect.stringMatching(/last\.checkpoint.*EFBIG.*report\.html.*EFBIG/s),
    });
  } finally {
    limitFileSize('unlimited');
  }
  const left = readdirSync(path('full'));
  expect(left).toContain('model.safetensors');
  expect(left.filter((name) => name.endsWith('.tmp') || name.endsWith('.checkpoint'))).toEqual([]);
});

describe('a broken last checkpoint', () => {
  test('is replaced by the previous one with --resume auto, which table1 uses, and the user learns it', async () => {
    await train('broken', 2);
    truncateSync(path('broken', 'last.checkpoint'), 100);
    const warnings: TrainEvent[] = [];
    const { end } = await train(
      'broken',
      3,
      { resume: 'auto' },
      (event) => event.event === 'warning' && warnings.push(event),
    );
    expect(end).toMatchObject({ steps: 9 });
    expect(warnings).toMatchObject([
      { step: 3, message: expect.stringMatching(/cut off.*goes on from previous\.checkpoint$/) },
    ]);
  });

  test('without a usable previous one: the message says what can be done', async () => {
    await train('hopeless', 2);
    for (const name of ['last', 'previous']) truncateSync(path('hopeless', `${name}.checkpoint`), 100);
    await expect(train('hopeless', 3, { resume: 'auto' })).rejects.toMatchObject({
      code: 'ERR_CHECKPOINT',
      message: expect.stringMatching(/last\.checkpoint is cut off: .*; remove .*hopeless to begin anew$/),
    });
  });
});

describe('trainings of an experiment', () => {
  const training: LabelledTraining = {
    ...{ label: 'tiny', folder: 'tiny', epochs: 3, settings: { tiny: true } },
    make: () => ({ model: tinyModel(), schedule: constantRate(0.01), batch: 16 }),
  };
  const options = (name: string) => ({ folder: path(name), trainings: [training], data, device: cpu() });
  const resultOf = (name: string) => {
    const { epochs, result } = readTraining(path(name), training);
    const withoutTimes = (one: object | null) => one && { ...one, imagesPerSecond: 0 };
    return {
      epochs: epochs.map(withoutTimes),
      ...{ ...result, seconds: 0, last: withoutTimes(result!.last), best: withoutTimes(result!.best) },
    };
  };

  test('have the same result when lines of their logs are lost, before the end or after it', async () => {
    await runTrainings(options('whole'));
    const stopper = new AbortController();
    const stop = { ...options('lossy'), checkpointMinutes: 0, signal: stopper.signal };
    await runTrainings({
      ...stop,
      onEvent: (event) =>
        event.event === 'step' && event.detail.event === 'epoch' && event.detail.epoch === 2 && stopper.abort(),
    });
    expect(readTraining(path('lossy'), training).status).toMatchObject({ kind: 'running' });
    rmSync(path('lossy', 'tiny', 'metrics.jsonl'));
    await runTrainings(options('lossy'));
    expect(resultOf('lossy')).toEqual(resultOf('whole'));
    rmSync(path('lossy', 'tiny', 'metrics.jsonl'));
    expect(resultOf('lossy')).toEqual(resultOf('whole'));
  });

  test('with a damaged result.json, or settings that are none, are ERR_CHECKPOINT naming file and field', async () => {
    await runTrainings(options('fields'));
    const file = path('fields', 'tiny', 'result.json');
    const whole = JSON.parse(readFileSync(file, 'utf8'));
    const refused = (field: string) => ({
      code: 'ERR_CHECKPOINT',
      message: expect.stringMatching(`result\\.json: .*${field}`),
    });
    for (const field of ['ending', 'steps', 'failure', 'last', 'best', 'evaluatedTrain', 'chance', 'seconds']) {
      writeFileSync(file, JSON.stringify({ ...whole, [field]: undefined }));
      expect(() => readTraining(path('fields'), training), field).toThrow(
        expect.objectContaining(refused(`"${field}"`)),
      );
      await expect(runTrainings(options('fields'))).rejects.toMatchObject(refused(`"${field}"`));
    }
    for (const content of ['null', '[]', '3', '"done"', '{', '{"last":{"epoch":"x"}}']) {
      writeFileSync(file, content);
      expect(() => readTraining(path('fields'), training), content).toThrow(expect.objectContaining(refused('')));
    }
    writeFileSync(file, JSON.stringify(whole));
    writeFileSync(path('fields', 'tiny', 'config.json'), '{}');
    await expect(runTrainings(options('fields'))).rejects.toMatchObject({
      code: 'ERR_CHECKPOINT',
      message: /"settings"/,
    });
    expect(readStored(path('nowhere.json'))).toBeNull();
  });

  test('leave no temporary file of a process that was killed', async () => {
    await runTrainings(options('killed'));
    mkdirSync(path('killed', 'figures'));
    const places = [path('killed'), path('killed', 'figures'), path('killed', 'tiny')].map((place) =>
      join(place, temporary),
    );
    for (const place of places) writeFileSync(place, 'half');
    new ResultFolder(path('killed')).dispose();
    await runTrainings(options('killed'));
    expect(places.filter((place) => existsSync(place))).toEqual([]);
  });
});
