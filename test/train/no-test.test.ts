/** Training without a test set: events, logs, reports, callbacks and schedules without its metrics. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EpochEvent } from '../../lib/optim/metric';
import { plateauRate } from '../../lib/optim/plateau';
import { warmUp } from '../../lib/optim/schedules';
import { Checkpoints, EarlyStopping } from '../../lib/train/callbacks';
import { readCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import { decodeHistory, encodeHistory } from '../../lib/train/checkpoint/history';
import { renderReport, trainingCharts } from '../../lib/train/curves';
import { runTraining } from '../../lib/train/training';
import { temporaryFolder } from '../temporary';
import { cpu, smallData, snapshot, trainersWith } from './support';
import { tinyModel } from './tinyModel';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
const trainer = trainersWith(() => ({ model: tinyModel(), test: undefined }));

describe('a Trainer without a test set', () => {
  test('yields epochs and an end without test metrics, and trains as with one', async () => {
    const without = trainer();
    const epochs: EpochEvent[] = [];
    for await (const event of without.fit({ epochs: 2 })) {
      if (event.event === 'epoch') epochs.push(event);
      if (event.event === 'end') expect(Object.keys(event)).not.toContain('testAccuracy');
    }
    expect(epochs).toHaveLength(2);
    for (const event of epochs) expect(Object.keys(event).filter((key) => /^test/.test(key))).toEqual([]);
    const tested = trainer({ test: smallData(40, 20).test });
    await tested.fit({ epochs: 2 });
    expect((await snapshot(without.state)).equals(await snapshot(tested.state))).toBe(true);
    await expect(without.evaluate('test')).rejects.toThrow('it has no test set, for data but received "test"');
    expect((await without.evaluate('train')).count).toBe(40);
  });

  test('restores its checkpoint with its history, and no other run does', async () => {
    const whole = trainer();
    await whole.fit({ steps: 4 });
    await whole.save(path('without'));
    const { info, arrays } = await readCheckpoint(path('without'));
    expect(info.test).toBeNull();
    expect(decodeHistory(arrays.get('epochs'))).toEqual(whole.epochs);
    await whole.fit({ steps: 4 });
    const resumed = trainer();
    await resumed.restore(path('without'));
    await resumed.fit({ steps: 4 });
    const untimed = (epochs: readonly EpochEvent[]) => epochs.map((event) => ({ ...event, imagesPerSecond: 0 }));
    expect(untimed(resumed.epochs)).toEqual(untimed(whole.epochs));
    expect((await snapshot(resumed.state)).equals(await snapshot(whole.state))).toBe(true);
    await expect(trainer({ test: smallData(40, 20).test }).restore(path('without'))).rejects.toThrow(
      'belongs to another test set: count is 0 there and 20 here',
    );
  });

  test('an evaluated epoch whose loss is NaN keeps its other metrics in the history', () => {
    const event: EpochEvent = {
      ...{ event: 'epoch' as const, epoch: 1, step: 3, complete: true, trainLoss: 1, trainAccuracy: 0.5 },
      ...{ testLoss: Number.NaN, testAccuracy: 0.1, testTop5: 0.2, learningRate: 0.1, imagesPerSecond: 5 },
    };
    expect(decodeHistory(encodeHistory([event]))).toEqual([event]);
  });
});

describe('what compares epochs', () => {
  test('takes the metric of the training set if none was chosen', async () => {
    const callbacks = [new EarlyStopping({ patience: 1, minDelta: 1 }), new Checkpoints({ folder: path('best') })];
    const schedule = warmUp(plateauRate({ rate: 0.01, patience: 0, threshold: 1, factor: 0.5 }), { steps: 1 });
    const stopping = trainer({ callbacks, schedule, learningRate: undefined });
    const end = await stopping.fit({ epochs: 5 });
    expect(end.epochs).toBe(2);
    expect(schedule.settings).toMatchObject({ metric: 'trainLoss', warmUp: { steps: 1 } });
    expect(schedule.at(9, { stepsPerEpoch: 3, totalSteps: 15 })).toBe(0.005);
    const { info } = await readCheckpoint(path('best/best.checkpoint'));
    expect(info.callbacks.checkpoints).toMatchObject({ metric: 'trainAccuracy' });
    expect(info.settings.learningRate).toMatchObject({ metric: 'trainLoss' });
  });

  test('refuses a metric of the test set that was chosen', () => {
    const refused = (options: Parameters<typeof trainer>[0]) => () => trainer(options);
    const message = (who: string, metric: string, other: string) =>
      `${who} compares epochs by ${metric}, but the Trainer has no test set: give it one (test), or choose ${other}`;
    const stopping = new EarlyStopping({ metric: 'testLoss' });
    expect(refused({ callbacks: [stopping] })).toThrow(message('EarlyStopping', 'testLoss', 'trainLoss'));
    const checkpoints = new Checkpoints({ folder: path('refused'), best: 'testAccuracy' });
    expect(refused({ callbacks: [checkpoints] })).toThrow(message('Checkpoints', 'testAccuracy', 'trainAccuracy'));
    const schedule = plateauRate({ rate: 0.01, metric: 'testLoss' });
    expect(refused({ schedule, learningRate: undefined })).toThrow(message('plateauRate()', 'testLoss', 'trainLoss'));
    const none = [new Checkpoints({ folder: path('none'), best: null }), new EarlyStopping({ metric: 'trainLoss' })];
    expect(refused({ callbacks: none })).not.toThrow();
  });
});

test('logs, curves and report say nothing of a test set', async () => {
  const data = smallData(40, 20);
  const { epochs, saved } = await runTraining({
    ...{ folder: path('run'), model: tinyModel(), train: data.train, device: cpu(), batch: 16 },
    length: { totalEpochs: 2 },
  });
  const csv = readFileSync(path('run/epochs.csv'), 'utf8').split('\n');
  expect(csv[1]!.split(',').slice(4, 7)).toEqual(['', '', '']);
  expect(JSON.parse(readFileSync(path('run/config.json'), 'utf8'))).not.toHaveProperty('testSet');
  for (const { series } of trainingCharts({ epochs, steps: [] }))
    expect(series.map(({ name }) => name)).toEqual(['train']);
  const report = readFileSync(saved!.report, 'utf8').replaceAll(/<script>[\s\S]*?<\/script>/g, '');
  expect(report).toContain('No test set was evaluated.');
  expect(report).not.toMatch(/undefined|NaN|test loss/);
  expect(readFileSync(saved!.curves, 'utf8')).not.toContain('undefined');
  const mixed = [epochs[0]!, { ...epochs[1]!, testLoss: 4, testAccuracy: 0.25, testTop5: 0.5 }];
  const page = renderReport('mixed', { epochs: mixed, steps: [] }, {});
  expect(page.includes('25.00 %')).toBe(true);
  expect(/<td[^>]*>-<\/td>/.test(page)).toBe(true);
});
