/** Runs whose files are damaged, lost, or cannot be written. */
import { execFileSync } from 'node:child_process';
import fs, {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { ResultFolder } from '../../lib/experiments/resultFolder';
import { readStored } from '../../lib/experiments/storedJson';
import { type LabelledTraining, readTraining, runTrainings } from '../../lib/experiments/trainings';
import { constantRate } from '../../lib/optim/schedule';
import { readCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import type { TrainEvent } from '../../lib/train/events';
import { readEvents } from '../../lib/train/runLog';
import { runTraining, type TrainingOptions } from '../../lib/train/training';
import { temporaryFolder } from '../temporary';
import { cpu, smallData } from './support';
import { tinyModel } from './tinyModel';

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

test('a log with other lines than at the checkpoint, as in a copied folder: the next line begins on a line of its own', async () => {
  await train('other', 2);
  const log = path('other', 'metrics.jsonl');
  writeFileSync(log, '{"event":"other"}\n'.repeat(1000));
  await train('other', 3, { resume: 'auto' });
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  expect(() => lines.map((line) => JSON.parse(line))).not.toThrow();
  expect(lines.at(-1)).toContain('"event":"end"');
});

test('a log that lost lines has none twice, whether the run had ended or is killed before its next checkpoint', async () => {
  const log = path('twice', 'metrics.jsonl');
  const events = () =>
    readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const cut = () => truncateSync(log, readFileSync(log).indexOf('\n', 100) + 1);
  await train('twice', 2);
  cut();
  for (const resume of ['auto', 'auto'] as const) await train('twice', 2, { resume });
  expect(events().filter(({ event }) => event === 'end')).toHaveLength(1);
  cut();
  const kill = ({ event }: TrainEvent) => {
    if (event === 'step') throw new Error('killed');
  };
  await expect(train('twice', 3, { resume: 'auto' }, kill)).rejects.toThrow('killed');
  await train('twice', 3, { resume: 'auto' });
  const steps = events().flatMap(({ event, step }) => (event === 'step' ? [step] : []));
  expect(steps).toEqual([...new Set(steps)]);
});

test('the last lines of the logs are on the disk before the results that are written after training', async () => {
  const synced: Record<string, number> = {};
  const sync = vi.spyOn(fs, 'fsyncSync').mockImplementation((file) => {
    synced[basename(readlinkSync(`/proc/self/fd/${file}`))] = fs.fstatSync(file).size;
  });
  syncBuiltinESMExports();
  try {
    await train('synced', 1);
  } finally {
    sync.mockRestore();
    syncBuiltinESMExports();
  }
  const sizes = ['metrics.jsonl', 'epochs.csv'].map((name) => [name, fs.statSync(path('synced', name)).size]);
  expect(synced).toMatchObject(Object.fromEntries(sizes));
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

describe('the checkpoint of the best epoch', () => {
  /** Trains two epochs, of which the second is the better, damages the folder, and trains a third. @returns the warnings */
  async function resume(name: string, damage: (first: Buffer) => Buffer | null): Promise<string[]> {
    const checkpoints = { best: 'trainLoss' } as const;
    const best = path(name, 'best.checkpoint');
    const schedule = constantRate(0.1);
    await train(name, 1, { checkpoints, schedule });
    const first = readFileSync(best);
    await train(name, 2, { checkpoints, schedule, resume: 'last' });
    expect((await readCheckpoint(best)).info.position.step).toBe(6);
    // A new file: the old one is last.checkpoint, too.
    const damaged = damage(first);
    rmSync(best);
    if (damaged) writeFileSync(best, damaged);
    const warnings: string[] = [];
    const show = (event: TrainEvent) => void (event.event === 'warning' && warnings.push(event.message));
    const { saved } = await train(name, 3, { checkpoints, schedule, resume: 'auto' }, show);
    expect(saved?.best).toBeDefined();
    expect((await readCheckpoint(best)).info.position.step).toBe(9);
    return warnings;
  }

  const lost = (why: string) => [
    expect.stringMatching(`best\\.checkpoint is not the checkpoint of the best epoch so far \\(step 6\\): .*${why}`),
  ];

  test('that is older than the run knows, as in a folder that was copied while it ran, is replaced, and the user learns it', async () => {
    expect(await resume('torn', (first) => first)).toEqual(lost('it is that of step 3\\.'));
  });

  test('that is gone or cut off is replaced, too', async () => {
    expect(await resume('gone', () => null)).toEqual(lost('ENOENT'));
    expect(await resume('cut', (first) => first.subarray(0, 500))).toEqual(lost('is cut off'));
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
