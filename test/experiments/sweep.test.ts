/** A sweep over the slope of the negative half: training, interruption and completion, and its figures. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type SweepOptions, type SweepRow, sweep } from '../../lib/experiments';
import { sweepCharts, sweepText } from '../../lib/experiments/sweep/report';
import { TestRandom, testSeed } from '../random';
import { temporaryFolder } from '../temporary';

const folder = temporaryFolder();

const optionsOf = (name: string, changes: Partial<SweepOptions> = {}): SweepOptions => ({
  ...{ preset: 'smoke', limit: 16, testLimit: 16, epochs: 1, learningRate: 0.02, device: 'cpu', values: [0.25] },
  ...{ out: join(folder, name), ...changes },
});

test('interrupted in the middle and gone on with, it gives what it gives in one go; slopes may be added', async () => {
  const whole = await sweep(optionsOf('whole'));
  expect(whole.rows.map(({ a, activation }) => [a, activation])).toEqual([
    [0.25, 'leakyTanh:0.25'],
    [1, 'tanh'],
  ]);
  const stop = new AbortController();
  const cut = await sweep(
    optionsOf('cut', {
      signal: stop.signal,
      onEvent(event) {
        if (event.event === 'step' && event.index === 1) stop.abort();
      },
    }),
  );
  expect(cut.table).toMatchObject({ complete: false, interrupted: true });
  expect(readFileSync(cut.report, 'utf8')).toContain('Not everything has been trained yet');
  const resumed = await sweep(optionsOf('cut', { values: [0.25] }));
  expect(resumed.table).toMatchObject({ complete: true, interrupted: false });
  const lasting = (rows: readonly SweepRow[]) =>
    rows.map(({ a, train, test, epochs, rate }) => [a, train, test, epochs, rate]);
  expect(lasting(resumed.rows)).toEqual(lasting(whole.rows));
  expect(resumed.rows[0]!.test!.count).toBe(1);
  const more = await sweep(optionsOf('cut', { values: [0] }));
  expect(more.rows.map(({ a }) => a)).toEqual([0, 0.25, 1]);
  expect(lasting(more.rows.slice(1))).toEqual(lasting(whole.rows));
  expect(readFileSync(join(folder, 'cut', 'sweep.txt'), 'utf8')).toBe(sweepText(more));
  for (const id of ['slope', 'test', 'train'])
    expect(existsSync(join(folder, 'cut', 'figures', `${id}.svg`))).toBe(true);
});

test('curves: accuracy over a in percent, with the limit, and a band over seeds', () => {
  const random = new TestRandom(testSeed);
  const spread = () => ({ mean: random.uniform(), deviation: random.uniform(), count: 3 });
  const row = (a: number, activation: string): SweepRow => ({
    ...{
      a,
      activation,
      rate: null,
      train: spread(),
      test: spread(),
      evaluatedTrain: null,
      bestTest: null,
      paper: null,
      evaluated: 'test' as const,
    },
    ...{ status: 'done', ended: true, seconds: 1, runs: Array(3) },
    epochs: [1, 2].map((epoch) => ({ epoch, train: spread(), test: spread() })),
  });
  const rows = [row(0, 'leakyTanh:0'), row(0.5, 'leakyTanh:0.5'), { ...row(1, 'tanh'), test: null }];
  const [slope, test, train] = sweepCharts({ activation: 'leakyTanh', rows });
  const [overTest, overTrain] = slope!.series;
  const first = rows[0]!.test!;
  expect(overTest).toMatchObject({ name: 'test', dashed: false });
  // A slope that has not been trained has no point.
  expect(overTest!.points.map(([a]) => a)).toEqual([0, 0.5]);
  expect(overTest!.points[0]![1]).toBeCloseTo(100 * first.mean, 10);
  expect(overTest!.band![0]![1]).toBeCloseTo(100 * (first.mean - first.deviation!), 10);
  expect(overTest!.band![0]![2]).toBeCloseTo(100 * (first.mean + first.deviation!), 10);
  expect(overTrain!.points.map(([a]) => a)).toEqual([0, 0.5, 1]);
  expect(train!.series.map(({ name }) => name)).toEqual(['a = 0', 'a = 0.5', 'a = 1 (tanh)']);
  expect(test!.series[1]!.points).toEqual(rows[1]!.epochs.map(({ epoch, test: { mean } }) => [epoch, 100 * mean]));
  expect(sweepText({ activation: 'leakyRelu', rows })).toMatch(/identity/);
});

test.each<[Partial<SweepOptions>, RegExp]>([
  [{ activation: 'tanh' }, /leakyTanh, leakyRelu, elu.*"tanh"/],
  [{ activation: 'rrelu' }, /leakyTanh, leakyRelu, elu.*"rrelu"/],
  [{ values: [] }, /slopes that differ/],
  [{ values: [0.1, 0.1] }, /slopes that differ/],
  [{ values: [0.6] }, /slopes of leakyTanh, from 0 to 0\.5.*0\.6/],
  [{ activation: 'leakyRelu', values: [Number.NaN] }, /slopes of leakyRelu, from 0 to 1.*NaN/],
  [{ layerRates: 'depht:2' }, /layer rates.*depht/],
])('%j is refused', async (changes, message) => {
  await expect(sweep(optionsOf('refused', changes))).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringMatching(message),
  });
  expect(existsSync(join(folder, 'refused', 'trainings', 'runs'))).toBe(false);
});
