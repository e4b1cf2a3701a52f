/** Rows, texts, figures and settings of Table 1, made from invented results of trainings. */
import { describe, expect, test } from 'vitest';
import { paperActivations, paperResultOf } from '../../lib/experiments/paper';
import { presets } from '../../lib/experiments/presets';
import type { Status } from '../../lib/experiments/status';
import { figuresOf } from '../../lib/experiments/table1/figures';
import { rowOf, spreadOf, type Table1Row } from '../../lib/experiments/table1/rows';
import { resolveSettings } from '../../lib/experiments/table1/settings';
import { table1Cells } from '../../lib/experiments/table1/text';
import type { TrainingRecord } from '../../lib/experiments/trainings';
import type { EpochEvent } from '../../lib/optim/metric';
import { formatDuration } from '../../lib/report/number';
import { TestRandom, testSeed } from '../random';

const random = new TestRandom(testSeed);

const epochOf = (epoch: number): EpochEvent => ({
  ...{ event: 'epoch', epoch, step: 10 * epoch, complete: true, learningRate: 0.1, imagesPerSecond: 50 },
  ...{ trainLoss: 1, trainAccuracy: random.uniform(), testLoss: 1, testAccuracy: random.uniform(), testTop5: 0.5 },
});

function recordOf(status: Status, epochs: number): TrainingRecord {
  const told = Array.from({ length: epochs }, (_, index) => epochOf(index + 1));
  const ended = status.kind !== 'running' && status.kind !== 'missing';
  const result = {
    ending: status.kind === 'diverged' ? ('nonFinite' as const) : ('done' as const),
    ...{ steps: 10 * epochs, seconds: 20, failure: null },
    ...{ last: told.at(-1) ?? null, best: told[0] ?? null, chance: { accuracy: 0.01, images: 100 } },
    evaluatedTrain: { loss: 1, accuracy: random.uniform(), top5: 1 },
  };
  return { label: 'x', folder: 'x', settings: {}, status, epochs: told, result: ended ? result : null };
}

const done: Status = { kind: 'done' };
const stuck: Status = { kind: 'stuck' };
const missing: Status = { kind: 'missing' };
const diverged: Status = { kind: 'diverged', step: 7, message: 'Training stopped at step 7: …' };
const running: Status = { kind: 'running', epochs: 1, of: 3 };
const given = { rate: 0.1, how: 'given' } as const;

test('a spread is mean and deviation (n - 1)', () => {
  const values = Array.from({ length: 5 }, () => random.uniform());
  const mean = values.reduce((a, b) => a + b) / 5;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4);
  const spread = spreadOf(values)!;
  expect(spread.mean).toBeCloseTo(mean, 12);
  expect(spread.deviation).toBeCloseTo(deviation, 12);
  expect([spreadOf([0.25]), spreadOf([])]).toEqual([{ mean: 0.25, deviation: null, count: 1 }, null]);
});

describe('a row', () => {
  test.each<[string, string, readonly Status[]]>([
    ['done', 'tanh', [done, done]],
    ['stuck at chance, as in the paper', 'sigmoid', [stuck, stuck]],
    ['stuck at chance, unlike in the paper', 'relu', [stuck]],
    ['done, unlike in the paper', 'sigmoid', [done]],
    ['diverged at step 7, unlike in the paper', 'relu', [diverged]],
    ['1 done, 1 diverged at step 7, unlike in the paper', 'relu', [done, diverged]],
    ['stuck at chance', 'elu:1', [stuck]],
    ['1 done, 2 missing', 'relu', [done, missing, missing]],
    ['1/3 epochs', 'sigmoid', [running]],
  ])('says "%s" of %s', (words, activation, statuses) => {
    const row = rowOf(
      activation,
      given,
      statuses.map((status) => recordOf(status, 2)),
      null,
    );
    expect(row.status).toBe(words);
    expect(row.ended).toBe(!statuses.some((status) => status === missing || status === running));
  });

  test('is the mean over the seeds that ended with numbers, or over what those under way have reached', () => {
    const runs = [recordOf(done, 3), recordOf(diverged, 2), recordOf(stuck, 3), recordOf(running, 1)];
    const row = rowOf('tanh', given, runs, null);
    const last = (run: TrainingRecord) => run.epochs.at(-1)!;
    const both = [runs[0]!, runs[2]!];
    expect(row.test).toEqual(spreadOf(both.map((run) => last(run).testAccuracy!)));
    expect(row.train).toEqual(spreadOf(both.map((run) => last(run).trainAccuracy!)));
    expect(row.bestTest).toEqual(spreadOf(both.map((run) => run.epochs[0]!.testAccuracy!)));
    expect(row.evaluatedTrain).toEqual(spreadOf(both.map((run) => run.result!.evaluatedTrain!.accuracy)));
    expect(row.seconds).toBe(60);
    expect(rowOf('tanh', given, [runs[3]!], null).test!.mean).toBe(last(runs[3]!).testAccuracy);
    expect(rowOf('tanh', given, [recordOf(missing, 0)], null).test).toBeNull();
  });

  test('is written beside the paper’s', () => {
    const row: Table1Row = {
      ...rowOf('leakyTanh:0.25', { rate: 0.03, how: 'search' }, [recordOf(done, 2)], null),
      train: { mean: 0.99751, deviation: null, count: 1 },
      test: { mean: 0.70432, deviation: 0.00213, count: 2 },
    };
    const cells = [
      'leakyTanh:0.25',
      '0.03 (searched)',
      '99.75 %',
      '70.43 ± 0.21 %',
      '99.75 %',
      '70.43 %',
      'done',
      '20 s',
    ];
    expect(table1Cells([row])).toEqual([cells]);
    const sigmoid = rowOf('sigmoid', null, [recordOf(missing, 0)], null);
    expect(table1Cells([sigmoid])).toEqual([['sigmoid', '-', '-', '-', 'N/A', 'N/A', 'missing', '0 s']]);
    expect(table1Cells([rowOf('elu:1', given, [recordOf(done, 1)], null)])[0]!.slice(4, 7)).toEqual(['-', '-', 'done']);
    expect([38.4, 800, 40_000].map(formatDuration)).toEqual(['38 s', '13 min', '11.1 h']);
  });
});

describe('figures', () => {
  const rowsOf = (seeds: number) =>
    paperActivations.map((name) =>
      rowOf(
        name,
        given,
        Array.from({ length: seeds }, () => recordOf(done, 3)),
        null,
      ),
    );

  test('are the paper’s four, each with two models’ curves', () => {
    const rows = rowsOf(1);
    const charts = figuresOf(rows);
    expect(charts.map(({ id }) => id)).toEqual(['figure1', 'figure2', 'figure3', 'figure4']);
    const names = (first: string) => [`${first} train`, `${first} test`, 'ReLU train', 'ReLU test'];
    const firsts = ['sigmoid*', 'tanh', 'leaky ReLU', 'leaky tanh'];
    expect(charts.map(({ series }) => series.map(({ name }) => name))).toEqual(firsts.map(names));
    const relu = rows.find(({ activation }) => activation === 'relu')!.runs[0]!;
    expect(charts[2]!.series[3]).toMatchObject({
      points: relu.epochs.map(({ epoch, testAccuracy }) => [epoch, expect.closeTo(100 * testAccuracy!, 9)]),
      colour: 1,
    });
  });

  test('have bands over seeds, and what there is of trainings that are not done', () => {
    const rows = rowsOf(2);
    const [train] = figuresOf(rows)[1]!.series;
    const seeds = rows.find(({ activation }) => activation === 'tanh')!.runs;
    const spread = spreadOf(seeds.map(({ epochs }) => 100 * epochs[2]!.trainAccuracy!))!;
    expect(train!.points[2]).toEqual([3, spread.mean]);
    expect(train!.band![2]).toEqual([3, spread.mean - spread.deviation!, spread.mean + spread.deviation!]);
    const partial = [rowOf('tanh', given, [recordOf(running, 2), recordOf(missing, 0)], null)];
    expect(figuresOf(partial).map(({ id, series }) => [id, series.length])).toEqual([['figure2', 2]]);
    expect(figuresOf([])).toEqual([]);
  });
});

describe('settings', () => {
  test.each(['paper', 'cpu', 'smoke'] as const)(
    'of preset %s are the preset’s, for the paper’s activations',
    (name) => {
      const { activations, seeds, fixed } = resolveSettings(name, {});
      expect(activations).toEqual(paperActivations);
      expect(activations.every((activation) => paperResultOf(activation))).toBe(true);
      expect({ ...fixed, seeds }).toMatchObject({ ...presets[name].recipe, data: presets[name].data, seeds: 1 });
    },
  );

  test('are overridden one by one', () => {
    const { activations, fixed } = resolveSettings('smoke', {
      ...{ activations: ['leakyTanh', 'elu:0.5'], learningRate: 'auto', search: { epochs: 3 } },
      ...{ width: 0.5, warmup: 'none', schedule: 'step:3', epochs: 5 },
    });
    expect(activations).toEqual(['leakyTanh:0.25', 'elu:0.5']);
    expect(fixed).toMatchObject({ width: 0.5, warmup: null, schedule: 'step:3', epochs: 5, rates: 'auto' });
    expect(fixed.search).toEqual({ ...presets.smoke.search, epochs: 3 });
    expect(resolveSettings('paper', { learningRate: 0.1 }).fixed).toMatchObject({ rates: 0.1, search: null });
  });

  test.each([
    [{ activations: [] }, /activations/],
    [{ activations: ['tanh', 'tanh'] }, /none twice/],
    [{ activations: ['cosine'] }, /one of sigmoid/],
    [{ seeds: 0 }, /seeds/],
    [{ epochs: 1.5 }, /epochs/],
    [{ learningRate: -1 }, /learningRate/],
    [{ learningRate: 'auto' as const, search: { grid: [] } }, /grid of the search/],
    [{ schedule: 'triangle' }, /schedule/],
    [{ warmup: 'long' }, /warm-up/],
    [{ model: 'vgg' }, /model/],
    [{ width: -1 }, /width/],
    [{ init: 'zeros' }, /Expected one of default/],
    [{ weightDecay: -1 }, /weightDecay/],
    [{ precision: 'f64' as never }, /precision/],
    [{ limit: 0 }, /limit/],
  ])('%j is refused', (overrides, message) => {
    expect(() => resolveSettings('smoke', overrides)).toThrow(message);
  });
});
