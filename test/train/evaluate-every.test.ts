/** Evaluation of the test set after every few epochs or steps: events, what compares epochs, and exact resumes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EpochEvent } from '../../lib/optim/metric';
import { plateauRate } from '../../lib/optim/plateau';
import { Checkpoints, EarlyStopping } from '../../lib/train/callbacks';
import { readCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import { decodeHistory, encodeHistory } from '../../lib/train/checkpoint/history';
import { renderReport, trainingCharts } from '../../lib/train/curves';
import { checkEvaluateEvery } from '../../lib/train/evaluateEvery';
import type { FitOptions, Trainer, TrainerOptions } from '../../lib/train/trainer';
import { temporaryFolder } from '../temporary';
import { snapshot, trainersWith } from './support';
import { tinyModel } from './tinyModel';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
// Epochs have three steps.
const make = trainersWith(() => ({ model: tinyModel() }));

async function epochsOf(trainer: Trainer, options: FitOptions): Promise<EpochEvent[]> {
  const epochs: EpochEvent[] = [];
  for await (const event of trainer.fit(options)) if (event.event === 'epoch') epochs.push(event);
  return epochs;
}

const isTested = ({ testLoss, testAccuracy, testTop5 }: EpochEvent) =>
  [testLoss, testAccuracy, testTop5].every((metric) => metric !== undefined);
const placesOf = (epochs: readonly EpochEvent[]) =>
  epochs.map((event) => [event.epoch, event.step, event.complete, isTested(event)]);

describe('the test set is evaluated', () => {
  test('after every few epochs, and at the end', async () => {
    const trainer = make({ evaluateEvery: { epochs: 2 } });
    const epochs = await epochsOf(trainer, { epochs: 5 });
    expect(placesOf(epochs)).toEqual([
      [1, 3, true, false],
      [2, 6, true, true],
      [3, 9, true, false],
      [4, 12, true, true],
      [5, 15, true, true],
    ]);
    expect(epochs.map(({ scheduled }) => scheduled)).toEqual([...new Array(4).fill(undefined), false]);
    expect(Object.keys(epochs[0]!)).not.toContain('testLoss');
    expect((await epochsOf(trainer, { epochs: 1 })).map(isTested)).toEqual([true]);
  });

  test('after every few steps, also within an epoch', async () => {
    const trainer = make({ evaluateEvery: { steps: 2 } });
    expect(placesOf(await epochsOf(trainer, { steps: 7 }))).toEqual([
      [1, 2, false, true],
      [1, 3, true, false],
      [2, 4, false, true],
      [2, 6, true, true],
      [3, 7, false, true],
    ]);
    // A later fit() goes on from there.
    expect(placesOf(await epochsOf(trainer, { totalSteps: 9 }))).toEqual([
      [3, 8, false, true],
      [3, 9, true, true],
    ]);
    const kinds = trainer.epochs.map(({ scheduled }) => scheduled);
    expect(kinds).toEqual([true, undefined, true, undefined, undefined, true, false]);
  });

  test('without a change of what is trained, nor of the metrics', async () => {
    const all = [make(), make({ evaluateEvery: { epochs: 3 } }), make({ evaluateEvery: { steps: 2 } })];
    const [usual, byEpochs, bySteps] = (await Promise.all(all.map((trainer) => epochsOf(trainer, { epochs: 3 })))) as [
      EpochEvent[],
      EpochEvent[],
      EpochEvent[],
    ];
    const [state, ...others] = await Promise.all(all.map((trainer) => snapshot(trainer.state)));
    for (const other of others) expect(other.equals(state!)).toBe(true);
    const metrics = ({ testLoss, testAccuracy, trainLoss }: EpochEvent) => ({ testLoss, testAccuracy, trainLoss });
    expect(metrics(byEpochs[2]!)).toEqual(metrics(usual[2]!));
    expect(metrics(bySteps.at(-1)!)).toEqual(metrics(usual[2]!));
  });

  test('never without one', async () => {
    const epochs = await epochsOf(make({ test: undefined, evaluateEvery: { steps: 2 } }), { epochs: 2 });
    expect(placesOf(epochs)).toEqual([
      [1, 3, true, false],
      [2, 6, true, false],
    ]);
  });

  test.each([{}, { epochs: 1, steps: 1 }, { epochs: 0 }, { epochs: 1.5 }, { steps: -1 }, { batches: 5 }])(
    'refuses %j',
    (given) => expect(() => checkEvaluateEvery(given)).toThrow(/epochs|steps|batches/),
  );
});

describe('what compares epochs', () => {
  test('counts evaluations that were due, not epochs between them, nor the end of a fit()', async () => {
    const stopping = () => new EarlyStopping({ metric: 'testLoss', patience: 2, minDelta: 100 });
    const byEpochs = make({ evaluateEvery: { epochs: 2 }, callbacks: [stopping()] });
    // Epoch 2 is the best one; epochs 4 and 6 do not improve on it, and 1, 3 and 5 do not count although fit() ends there.
    for (const epochs of [1, 2, 2]) expect((await epochsOf(byEpochs, { epochs })).length).toBe(epochs);
    expect((await epochsOf(byEpochs, { epochs: 9 })).map(({ epoch }) => epoch)).toEqual([6]);
    const bySteps = make({ evaluateEvery: { steps: 2 }, callbacks: [stopping()] });
    const events = await epochsOf(bySteps, { epochs: 9 });
    expect(events.at(-1)!.step).toBe(6);
  });

  test('plateauRate() observes the same evaluations, however training is divided', async () => {
    const rates = async (every: TrainerOptions['evaluateEvery'], parts: readonly number[]) => {
      const schedule = plateauRate({ rate: 0.01, patience: 0, threshold: 1, factor: 0.5 });
      const trainer = make({ evaluateEvery: every, schedule, learningRate: undefined });
      for (const steps of parts) await trainer.fit({ steps });
      return schedule.at(0, { stepsPerEpoch: 3, totalSteps: 12 });
    };
    expect(await rates({ epochs: 2 }, [12])).toBe(0.005);
    expect(await rates({ epochs: 2 }, [3, 4, 5])).toBe(0.005);
    expect(await rates({ steps: 4 }, [12])).toBe(0.0025);
    expect(await rates({ steps: 4 }, [2, 3, 7])).toBe(0.0025);
  });

  test('the best checkpoint may be one within an epoch', async () => {
    const callbacks = [new Checkpoints({ folder: path('best'), everyEpochs: 0, best: 'testLoss' })];
    await make({ evaluateEvery: { steps: 2 }, callbacks, learningRate: 0 }).fit({ steps: 5 });
    expect(existsSync(path('best/best.checkpoint'))).toBe(true);
    expect((await readCheckpoint(path('best/best.checkpoint'))).info.position.step).toBe(2);
  });
});

describe('a resumed run', () => {
  const untimed = (epochs: readonly EpochEvent[]) => epochs.map((event) => ({ ...event, imagesPerSecond: 0 }));

  // Checkpoints are written after a step: before its evaluation, if one is due.
  test.each([
    [{ steps: 2 }, [1, 2, 3, 4, 6, 7]],
    [{ epochs: 2 }, [3, 5, 6, 7]],
  ] as const)('goes on exactly with %j', async (evaluateEvery, steps) => {
    const began = () => {
      const schedule = plateauRate({ rate: 0.05, patience: 0, threshold: 1, factor: 0.5 });
      const callbacks = [new EarlyStopping({ patience: 9 })];
      return make({ evaluateEvery, learningRate: undefined, schedule, callbacks });
    };
    const whole = began();
    for await (const event of whole.fit({ totalSteps: 10 }))
      if (event.event === 'step') await whole.save(path(`${Object.keys(evaluateEvery)}-${event.step}`));
    let compared = 0;
    for (const step of steps) {
      const saved = path(`${Object.keys(evaluateEvery)}-${step}`);
      if (!existsSync(saved)) continue;
      compared++;
      const resumed = began();
      await resumed.restore(saved);
      await resumed.fit({ totalSteps: 10 });
      expect(untimed(resumed.epochs), `from step ${step}`).toEqual(untimed(whole.epochs));
      expect((await snapshot(resumed.state)).equals(await snapshot(whole.state))).toBe(true);
    }
    expect(compared).toBeGreaterThan(1);
  });

  test('is refused with another interval, unless it is asked to change it', async () => {
    const first = make({ evaluateEvery: { epochs: 2 } });
    await first.fit({ steps: 1 });
    await first.save(path('interval'));
    const other = make();
    await expect(other.restore(path('interval'))).rejects.toThrow(
      'evaluateEvery is {"epochs":2} there and absent here',
    );
    await other.restore(path('interval'), { change: ['evaluateEvery'] });
  });
});

test('history, curves and report keep parts of epochs apart', async () => {
  const trainer = make({ evaluateEvery: { steps: 2 } });
  const steps = [];
  for await (const event of trainer.fit({ steps: 7 })) if (event.event === 'step') steps.push(event);
  const { epochs } = trainer;
  expect(decodeHistory(encodeHistory(epochs))).toEqual(epochs);
  const [accuracy] = trainingCharts({ epochs, steps });
  expect(accuracy!.series.find(({ name }) => name === 'test')!.points.map(([x]) => x)).toEqual([2, 4, 6, 7]);
  const report = renderReport('parts', { epochs, steps }, {});
  expect(report.includes('1, to step 2')).toBe(true);
});
