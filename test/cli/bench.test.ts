/** `saturnn bench`: measures all that it should, relative to ceilings measured in the same run, and compares reports. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { benchKernels } from '../../lib/measure/kernels';
import { type BenchReport, compareReports, type StepRow } from '../../lib/measure/report';
import { openDevice } from '../../lib/runtime/device';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const folder = temporaryFolder();
const small = ['--device', 'cpu', '--smoke', '--rounds', '1'];

test('kernels, convolutions and steps, in every precision of the device; and the same again against what was saved', async () => {
  const file = join(folder, 'before.json');
  const { code, stdout, stderr } = await saturnn(['bench', ...small, '--json', '--save', file]);
  expect(code).toBe(0);
  const report = JSON.parse(stdout) as BenchReport;
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(report);
  const { precisions } = openDevice('cpu');
  expect(report).toMatchObject({ command: 'bench', smoke: true, notRun: [], failed: [] });
  expect(Object.keys(report.ceilings)).toEqual(precisions);
  expect(stderr).toContain('step: inception33 x0.1, leakyTanh:0.25, f32, batch 2');

  const inF32 = report.kernels.filter(({ precision }) => precision === 'f32');
  expect(inF32.map(({ name }) => name)).toEqual(benchKernels.map(({ name }) => name));
  for (const row of report.kernels) {
    expect(row.milliseconds, row.name).toBeGreaterThan(0);
    expect(row.bytes, row.name).toBeGreaterThan(0);
    expect(row.ofCopy, row.name).toBeCloseTo(row.gigabytesPerSecond / row.copyGigabytesPerSecond, 6);
  }
  const inBf16 = report.kernels.find(({ precision, name }) => precision === 'bf16' && name === 'relu + bias');
  if (inBf16) expect(inBf16.bytes).toBeLessThan(0.6 * (inF32.find(({ name }) => name === 'relu + bias')?.bytes ?? 0));

  for (const precision of precisions) {
    const own = report.convolutions.filter((row) => row.precision === precision);
    // Every convolution has three passes, except the first, which needs no gradient of its input. There is one linear layer.
    const count = (op: string) => own.filter((row) => row.op === op).length;
    expect(count('conv2d')).toBeGreaterThan(30);
    const dgrads = count('conv2dDgrad') + count('conv2dDgradActivation');
    expect([dgrads + 1, count('conv2dWgrad')]).toEqual([count('conv2d'), count('conv2d')]);
    expect([count('linear'), count('linearDgrad'), count('linearWgrad')]).toEqual([1, 1, 1]);
    const step = report.steps.find((row) => row.precision === precision) as StepRow;
    const { compute, bytes, roofline, multiplying } = step.floors;
    expect(roofline).toBeGreaterThanOrEqual(Math.max(compute, bytes));
    expect(roofline).toBeGreaterThan(multiplying);
    expect(step.ofRoofline).toBeCloseTo(roofline / step.milliseconds, 9);
    expect(step.imagesPerSecond).toBeCloseTo((1000 * step.batch) / step.milliseconds, 6);
  }

  const step = report.steps[0] as StepRow;
  const fast = { ...report, steps: [{ ...step, imagesPerSecond: 1e9, samples: [1, 1, 1] }] };
  writeFileSync(file, JSON.stringify(fast));
  const again = await saturnn(['bench', 'step', ...small, '--precision', 'f32', '--against', file]);
  expect(again.stdout).toMatch(/^step: inception33 x0\.1, leakyTanh:0\.25, f32, batch 2 .* SLOWER$/m);
  expect(again.stdout).toContain('1 compared, 1 slower by more than the noise');
  expect(again.code).toBe(1);
});

test('a report as tables', async () => {
  const { stdout } = await saturnn(['bench', 'kernels', ...small, '--precision', 'f32']);
  expect(stdout).toMatch(/^smoke: tiny sizes/);
  expect(stdout).toMatch(/^ceilings, measured now +GFLOP\/s of a matrix product +by +GB\/s of a copy$/m);
  expect(stdout).toMatch(/^kernel +precision +MB +ms +GB\/s +of copy +target$/m);
  expect(stdout).toMatch(/^SGD +f32 +0\.1 /m);
  expect(stdout).toMatch(/^\d+ in all; those that lose the most time come first. Sums: conv2d /m);
  expect(stdout).not.toMatch(/^step /m);
});

test('no time left: what was not begun is said', async () => {
  const { stdout, code } = await saturnn(['bench', ...small, '--minutes', '1e-9', '--json']);
  const report = JSON.parse(stdout) as BenchReport;
  expect(code).toBe(0);
  expect(report.notRun).toContain('ceilings, f32: no time left');
  expect([...report.kernels, ...report.steps, ...report.convolutions]).toEqual([]);
});

describe('two reports', () => {
  const step = (imagesPerSecond: number, samples: number[]) =>
    ({
      ...{ model: 'inception33', width: 1, activation: 'tanh', batch: 128, precision: 'bf16' },
      ...{ imagesPerSecond, samples },
    }) as unknown as StepRow;
  const report = (row: StepRow) => ({ kernels: [], convolutions: [], steps: [row] }) as unknown as BenchReport;
  const verdict = (is: StepRow, was: StepRow) => compareReports(report(is), report(was)).map((row) => row.verdict);
  const quiet = [10, 10.1, 9.9, 10, 10];
  const noisy = [10, 14, 7, 9, 12];

  test.each([
    [1000, 1000, 'same', quiet, quiet],
    [950, 1000, 'same', quiet, quiet],
    [900, 1000, 'SLOWER', quiet, quiet],
    [1100, 1000, 'faster', quiet, quiet],
    [800, 1000, 'same', noisy, quiet],
    [800, 1000, 'same', quiet, noisy],
  ])('%d images/s after %d: %s', (is, was, expected, samples, before) => {
    expect(verdict(step(is, samples), step(was, before))).toEqual([expected]);
  });

  test('only what both have', () => {
    expect(verdict(step(1, quiet), { ...step(1, quiet), batch: 1024 })).toEqual([]);
  });
});

test.each([
  [['--precision', 'f64'], /^error \[ERR_INVALID_ARGUMENT\]: .*--precision.*Expected f32, tf32, bf16, fp16/],
  [['--precision', 'f32,f32'], /Expected each value once/],
  [['--precision', 'tf32'], /^error \[ERR_UNSUPPORTED\]: cpu computes in .*not in tf32/],
  [['--batch', '0'], /--batch.*Expected an integer from 1 to 65536/],
  [
    ['--against', join(folder, 'none.json')],
    /^error \[ERR_INVALID_ARGUMENT\]: Cannot compare with .*none\.json: ENOENT/,
  ],
  [['wrong'], /Allowed choices are kernels, step, all/],
])('refuses %j', async (args, message) => {
  const { code, stderr, stdout } = await saturnn(['bench', ...args, ...small]);
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
  expect(stdout).toBe('');
});

test('refuses a file that is no report', async () => {
  const file = join(folder, 'other.json');
  writeFileSync(file, '{"command": "step"}');
  const { code, stderr } = await saturnn(['bench', ...small, '--against', file]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^error \[ERR_INVALID_ARGUMENT\]: Expected a file that saturnn bench --save has written for --against/,
  );
});
