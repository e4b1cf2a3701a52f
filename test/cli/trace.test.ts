/** `saturnn trace`: lists every kernel of a step with its work and speed, relative to ceilings measured in the same run. */
import { expect, test } from 'vitest';
import type { Ceilings } from '../../lib/measure/ceilings';
import type { KernelTime, TraceRow } from '../../lib/measure/stepTrace';
import { saturnn } from './support';

const small = ['trace', '--width', '0.1', '--batch', '2', '--steps', '2', '--device', 'cpu'];

interface Report {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly ceilings: Ceilings;
  readonly kernels: readonly KernelTime[];
  readonly kernelMilliseconds: number;
  readonly stepMilliseconds: number;
  readonly rows: readonly TraceRow[];
}

async function traced(...args: string[]): Promise<Report> {
  const { stdout, code } = await saturnn([...small, ...args, '--json']);
  expect(code).toBe(0);
  return JSON.parse(stdout) as Report;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

test('a training step: all kernels are timed, the optimizer too, and the shares make a whole', async () => {
  const { settings, ceilings, kernels, kernelMilliseconds, stepMilliseconds, rows } = await traced('--threads', '3');
  expect(settings).toMatchObject({ model: 'inception33', batch: 2, precision: 'f32', inference: false });
  expect(settings.deviceInfo).toMatchObject({ threads: 3 });
  expect(kernels.every(({ milliseconds }) => milliseconds > 0)).toBe(true);
  expect(sum(kernels.map(({ milliseconds }) => milliseconds))).toBeCloseTo(kernelMilliseconds, 6);
  expect(sum(rows.map(({ share }) => share))).toBeCloseTo(1, 9);
  expect(sum(rows.map((row) => row.kernels))).toBe(kernels.length);
  const times = rows.map(({ milliseconds }) => milliseconds);
  expect(times).toEqual([...times].sort((a, b) => b - a));
  const ops = rows.map(({ op }) => op);
  expect(ops).toEqual(expect.arrayContaining(['conv2d', 'conv2dDgrad', 'conv2dWgrad', 'activation', 'sgd', 'augment']));
  for (const { op, gigaflopsPerSecond } of rows) expect(gigaflopsPerSecond !== null).toBe(/^(conv2d|linear)/.test(op));
  for (const ceiling of [ceilings.gigaflopsPerSecond, ceilings.gigabytesPerSecond, stepMilliseconds]) {
    expect(ceiling).toBeGreaterThan(0.1);
  }
  expect(ceilings.implementation).toMatch(/jit|brg/);
});

test('one row per kernel of the forward pass, with its shape and implementation', async () => {
  const { kernels, rows } = await traced('--inference', '--by', 'kernel');
  expect(rows.length).toBe(kernels.length);
  expect(kernels.some(({ op }) => /grad|sgd/i.test(op))).toBe(false);
  const stem = rows.find(({ layer, op }) => layer === 'conv1' && op === 'conv2d');
  expect(stem).toMatchObject({ shape: '2x28x28x3 16x3x3x3 > 2x28x28x16', kernels: 1 });
  const { stdout } = await saturnn([...small, '--inference', '--by', 'layer']);
  expect(stdout).toMatch(/^layer +kernels +ms +share +GFLOP\/s +GB\/s +of ceiling$/m);
  expect(stdout).toMatch(/^3a\/3x3 +\d/m);
  expect(stdout).toMatch(/\d+ kernels: [\d.]+ ms; a whole step: [\d.]+ ms/);
  expect(stdout).toMatch(/measured now: \d+ GFLOP\/s \(f32 matrix product, .+\), [\d.]+ GB\/s \(copy\)/);
});
