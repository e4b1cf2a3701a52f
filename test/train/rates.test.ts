/** The search for a learning rate. */
import { expect, test } from 'vitest';
import { chartSvg } from '../../lib/report/chart';
import { type FindRateOptions, findLearningRate, type RateSearchOptions } from '../../lib/train/rates/findLearningRate';
import { RateRecorder, rateChart, rateCsv } from '../../lib/train/rates/rateCurve';
import { Trainer } from '../../lib/train/trainer';
import { cpu, smallData } from './support';
import { tinyModel } from './tinyModel';

const { train } = smallData(40, 4);
const find = (search?: RateSearchOptions, options: Partial<FindRateOptions> = {}) =>
  findLearningRate({ model: tinyModel, train, batch: 16, device: cpu(), seed: 2, ...options }, search);

test('losses are smoothed without the bias of the beginning, and the steepest descent is suggested', () => {
  const steps = 40;
  const recorder = new RateRecorder(steps, 0.5);
  // It falls fastest at step 20, and is smallest at 30.
  const loss = (step: number) => (step < 30 ? 5 - 4 / (1 + Math.exp((20 - step) / 2)) : 1 + (step - 30));
  const ended = Array.from({ length: steps }, (_, i) => recorder.add(10 ** (i / 10), loss(i + 1))).indexOf(true);
  const { points, steepest, tenthOfMinimum } = recorder.curve('diverged');
  expect(points[0]).toEqual({ step: 1, rate: 1, loss: loss(1), smoothed: loss(1) });
  expect(points[1]!.smoothed).toBeCloseTo((loss(1) + 2 * loss(2)) / 3);
  const lowest = points.reduce((a, b) => (b.smoothed < a.smoothed ? b : a));
  expect(tenthOfMinimum).toBe(lowest.rate / 10);
  // The mean of two or three losses is a step late.
  expect(Math.log10(steepest!) * 10 + 1).toBeGreaterThanOrEqual(20);
  expect(Math.log10(steepest!) * 10 + 1).toBeLessThanOrEqual(22);
  expect(points[ended]!.smoothed).toBeGreaterThan(4 * lowest.smoothed);
  expect(points[ended - 1]!.smoothed).toBeLessThanOrEqual(4 * lowest.smoothed);
});

test('a loss that never falls suggests nothing', () => {
  const recorder = new RateRecorder(20, 0.9);
  expect(recorder.curve('nonFinite')).toEqual({ points: [], steepest: null, tenthOfMinimum: null, ended: 'nonFinite' });
  for (let step = 0; step < 20; step++) recorder.add(2 ** step, 1 + step);
  expect(recorder.curve('done')).toMatchObject({ steepest: null, tenthOfMinimum: 0.1 });
});

test('trains with rates that rise geometrically, by the steps of a Trainer, and equally each time', async () => {
  const search = { from: 1e-4, to: 1e-2, steps: 12 };
  const curve = await find(search);
  expect(curve.ended).toBe('done');
  expect(curve.points.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  expect(curve.points[0]!.rate).toBeCloseTo(1e-4, 10);
  expect(curve.points[11]!.rate).toBeCloseTo(1e-2, 10);
  for (let i = 1; i < 12; i++)
    expect(curve.points[i]!.rate / curve.points[i - 1]!.rate).toBeCloseTo(100 ** (1 / 11), 5);
  expect(await find(search)).toEqual(curve);

  const losses: number[] = [];
  const at = (step: number) => 1e-4 * 100 ** (step / 11);
  using trainer = new Trainer({
    ...{ model: tinyModel(), train, batch: 16, device: cpu(), seed: 2, schedule: { name: 'own', at } },
    callbacks: [{ name: 'own', everySteps: 1, onStep: ({ loss }) => void losses.push(loss) }],
  });
  await trainer.fit({ steps: 12 });
  expect(curve.points.map(({ loss }) => loss)).toEqual(losses);
});

test('ends when the loss diverges or is not finite, and draws what it has', async () => {
  const curve = await find({ from: 1e-3, to: 1e6, steps: 40, smoothing: 0 });
  expect(curve.ended).not.toBe('done');
  expect(curve.points.length).toBeLessThan(40);
  const svg = chartSvg(rateChart(curve));
  expect(svg).toContain('smoothed loss');
  expect(svg.includes('steepest descent')).toBe(curve.steepest !== null);
  const [head, ...rows] = rateCsv(curve).trim().split('\n');
  expect(head).toBe('step,rate,loss,smoothed');
  expect(rows).toHaveLength(curve.points.length);
  expect(chartSvg(rateChart({ points: [], steepest: null, tenthOfMinimum: null, ended: 'nonFinite' }))).toContain(
    '<svg',
  );
});

test('refuses what is no search', async () => {
  await expect(find({ from: 1, to: 1 })).rejects.toThrow('a learning rate above that of the first step, 1, for to');
  await expect(find({ from: 0 })).rejects.toThrow('for from but received 0');
  await expect(find({}, { schedule: 'cosine' } as never)).rejects.toThrow(
    'findLearningRate() has no option "schedule"',
  );
  await expect(find({}, { model: tinyModel() } as never)).rejects.toThrow('a function that makes a Model for model');
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(find({ signal })).rejects.toThrow('enough');
});
