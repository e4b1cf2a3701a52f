/**
 * `npm run check:onnx-ops` without Python: cases written by hand go the way of ONNX's own, a wrong result is a failure, and the page has
 * the table of the stored results.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { OnnxArray, OnnxCase, OnnxNode } from '../../bench/onnxOperators/case';
import { type Report, reportOf, withTable } from '../../bench/onnxOperators/report';
import { runCase } from '../../bench/onnxOperators/run';
import { openDevice } from '../../lib';
import { packageRoot } from '../../lib/runtime/locate';

const device = openDevice('cpu');

type Given = readonly [shape: readonly number[], numbers: readonly number[], dtype?: string];

function bytesOf(numbers: readonly number[], dtype: string): Uint8Array<ArrayBuffer> {
  if (dtype === 'int64') return new Uint8Array(BigInt64Array.from(numbers, BigInt).buffer);
  return new Uint8Array((dtype === 'float32' ? Float32Array : Int8Array).from(numbers).buffer);
}

/** Runs a case of one node whose inputs are named 0, 1, ... and whose outputs are named y0, y1, ... */
function run(
  operator: string,
  attributes: OnnxNode['attributes'],
  inputs: readonly Given[],
  outputs: readonly Given[],
  version = 20,
) {
  const arrays: OnnxArray[] = [];
  const place = ([shape, numbers, dtype = 'float32']: Given) => {
    const bytes = bytesOf(numbers, dtype);
    arrays.push({ dtype, shape, bytes });
    return { dtype, shape, offset: arrays.length - 1, bytes: bytes.length };
  };
  const names = (prefix: string, given: readonly Given[]) => given.map((_, index) => `${prefix}${index}`);
  const placed = (prefix: string, given: readonly Given[]) =>
    Object.fromEntries(given.map((one, index) => [`${prefix}${index}`, place(one)]));
  const node = { operator, inputs: names('x', inputs), outputs: names('y', outputs), attributes };
  const one: OnnxCase = {
    ...{ name: 'test', kind: 'node', operators: [operator], relative: 1e-3, absolute: 1e-7, version },
    ...{ nodes: [node], initializers: {}, sets: [{ inputs: placed('x', inputs), outputs: placed('y', outputs) }] },
  };
  return runCase(one, (where) => where && arrays[where.offset]!, device);
}

const passed = { result: 'passed', difference: expect.any(Number) };
const notClaimed = (reason: string) => ({ result: 'notClaimed', reason });
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Values of f32, by their shape and their numbers. */
const f32 = (shape: readonly number[], ...numbers: number[]): Given => [shape, numbers];

/** A list of integers. */
const i64 = (...numbers: number[]): Given => [[numbers.length], numbers, 'int64'];

test('what a node computes arrives in the arrangement of ONNX', async () => {
  // Two channels of 2x2 pixels, and a kernel of two outputs.
  const image = f32([1, 2, 2, 2], ...upTo(8));
  const weights = f32([2, 2, 1, 2], 1, 0, 0, 1, 0, 1, 1, 0);
  const y = f32([1, 2, 2, 1], 0 + 5, 2 + 7, 1 + 4, 3 + 6);
  expect(await run('Conv', {}, [image, weights], [y])).toEqual(passed);
  const depthwise = f32([2, 1, 1, 1], 1, 10);
  const padded = f32([1, 2, 2, 3], 0, 0, 1, 0, 2, 3, 0, 40, 50, 0, 60, 70);
  expect(await run('Conv', { group: 2, pads: [0, 1, 0, 0] }, [image, depthwise], [padded])).toEqual(passed);
});

test('a transposed convolution and an optimizer go through a gradient', async () => {
  const given = [f32([1, 1, 2], 1, 2), f32([1, 1, 2], 3, 4), f32([1], 0.5)];
  const dense = f32([1, 1, 3], 1 * 3 + 0.5, 1 * 4 + 2 * 3 + 0.5, 2 * 4 + 0.5);
  expect(await run('ConvTranspose', {}, given, [dense])).toEqual(passed);
  const spread = f32([1, 1, 5], 3.5, 4.5, 0.5, 6.5, 8.5);
  expect(await run('ConvTranspose', { strides: [3] }, given, [spread])).toEqual(passed);
  // Two parameters: v = 0.5 v + g + 0.1 x, x = x - 0.2 v.
  const inputs = [f32([], 0.2), [[], [0], 'int64'] as Given, f32([1], 1), f32([2], 2, 3)];
  const more = [f32([1], 10), f32([2], 20, 30), f32([1], 2), f32([2], 4, 6)];
  const slots = [f32([1], 1 + 10 + 0.1), f32([2], 2 + 20 + 0.2, 3 + 30 + 0.3)];
  const moved = [f32([1], 1 - 0.2 * 11.1), f32([2], 2 - 0.2 * 22.2, 3 - 0.2 * 33.3)];
  const options = { alpha: 0.5, beta: 1, norm_coefficient: 0.1, mode: 'standard' };
  expect(await run('Momentum', options, [...inputs, ...more], [...moved, ...slots])).toEqual(passed);
});

test('axes, factors and older versions of an operator are understood', async () => {
  const parts = [f32([2, 2, 1], 0, 1, 2, 3), f32([2, 2, 1], 4, 5, 6, 7)];
  expect(await run('Concat', { axis: -2 }, parts, [f32([2, 4, 1], 0, 1, 4, 5, 2, 3, 6, 7)])).toEqual(passed);
  const cube = f32([2, 2, 2], ...upTo(8));
  const range = { starts: [1], ends: [9], axes: [1] };
  expect(await run('Slice', range, [cube], [f32([2, 1, 2], 2, 3, 6, 7)], 9)).toEqual(passed);
  const matrix = f32([2, 2], 1, 2, 3, 4);
  const product = f32([2, 2], 0.5 * 7 + 2, 0.5 * 10 + 4, 0.5 * 15 + 2, 0.5 * 22 + 4);
  expect(await run('Gemm', { alpha: 0.5, beta: 2 }, [matrix, matrix, f32([2], 1, 2)], [product])).toEqual(passed);
  const scales = f32([4], 1, 1, 1, 2);
  const enlarged = f32([1, 1, 1, 4], 5, 5, 6, 6);
  expect(await run('Upsample', {}, [f32([1, 1, 1, 2], 5, 6), scales], [enlarged], 9)).toEqual(passed);
  expect(await run('ReduceMean', { keepdims: 0 }, [cube, i64(1)], [f32([2, 2], 1, 2, 5, 6)])).toEqual(passed);
});

test('a loss is that of the rows that count, with the weights of their classes', async () => {
  const given = [f32([3, 2], 0, 0, 1, 1, 5, 5), i64(0, 1, 0), f32([2], 1, 3)];
  const loss = (attributes: OnnxNode['attributes'], expected: number) =>
    run('SoftmaxCrossEntropyLoss', attributes, given, [f32([], expected)]);
  expect(await loss({}, Math.log(2))).toEqual(passed);
  expect(await loss({ reduction: 'sum' }, 5 * Math.log(2))).toEqual(passed);
  expect(await loss({ reduction: 'sum', ignore_index: 1 }, 2 * Math.log(2))).toEqual(passed);
});

test('a wrong result, a wrong shape and NaN are failures', async () => {
  const failed = (message: RegExp) => ({ result: 'failed', message: expect.stringMatching(message) });
  const relu = (x: Given, y: Given) => run('Relu', {}, [x], [y]);
  expect(await relu(f32([2], -1, 1), f32([2], 0, 1.01))).toEqual(failed(/y0\[1\] is 1, and 1.0\d+ is expected/));
  expect(await relu(f32([2], -1, 1), f32([1, 2], 0, 1))).toEqual(failed(/shape/));
  expect(await relu(f32([1], Number.NaN), f32([1], 0))).toEqual(failed(/NaN/));
  expect(await relu(f32([1], Number.POSITIVE_INFINITY), f32([1], 1e30))).toEqual(failed(/Infinity/));
});

test('what the ops cannot express is not claimed, with the reason', async () => {
  const bytes: Given = [[1], [1], 'int8'];
  const one = f32([1], 1);
  expect(await run('Relu', {}, [bytes], [bytes])).toEqual(notClaimed('dtype'));
  expect(await run('LeakyRelu', { alpha: 2 }, [one], [one])).toEqual(notClaimed('range'));
  expect(await run('LSTM', {}, [one], [one])).toEqual(notClaimed('operator'));
  const volume = f32([1, 1, 2, 2, 2], ...upTo(8));
  expect(await run('MaxPool', { kernel_shape: [2, 2, 2] }, [volume], [f32([1, 1, 1, 1, 1], 7)])).toEqual(
    notClaimed('rank'),
  );
  const named = { name: 'test_lstm', kind: 'node', operators: ['LSTM'] };
  expect(await runCase(named, () => null, device)).toEqual(notClaimed('operator'));
});

test('the page has the table of the stored results, in which nothing failed', () => {
  const read = (...path: string[]) => readFileSync(join(packageRoot(), ...path), 'utf8');
  const report = JSON.parse(read('bench', 'results', 'onnx-operators.json')) as Report;
  const page = read('docs', 'onnx-operators.md');
  expect(withTable(page, report)).toBe(page);
  expect(report.failed).toBe(0);
  const rows = Object.values(report.operators);
  expect(rows.reduce((sum, { passed }) => sum + passed, 0)).toBeGreaterThanOrEqual(170);
});

test('results are counted by operator, and networks apart', () => {
  const node = (name: string, operator: string) => ({ name, kind: 'node', operators: [operator] });
  const about = { onnx: '1', saturnn: '1', seed: 7 };
  const report = reportOf(
    [
      { named: node('test_relu', 'Relu'), outcome: { result: 'passed', difference: 0 } },
      { named: node('test_relu_int8', 'Relu'), outcome: { result: 'notClaimed', reason: 'dtype' } },
      { named: node('test_relu_expanded', 'Relu'), outcome: { result: 'failed', message: 'wrong' } },
      { named: node('test_lstm', 'LSTM'), outcome: { result: 'notClaimed', reason: 'operator' } },
      {
        named: { ...node('test_Conv2d', 'Conv'), kind: 'pytorch-converted' },
        outcome: { result: 'passed', difference: 0 },
      },
    ],
    about,
  );
  expect(report).toEqual({
    ...about,
    operators: { Relu: { passed: 1, notClaimed: { dtype: 1 }, failed: 0 } },
    others: { cases: 1, operators: 1 },
    expanded: { passed: 0, notClaimed: {}, failed: 1 },
    networks: { passed: 1, notClaimed: {}, failed: 0 },
    ...{ passed: 2, notClaimed: 2, failed: 1 },
  });
});
