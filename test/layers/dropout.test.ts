/** Dropout: frequency and independence of dropped elements, and equal masks in every layout and for any number of threads. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { Dropout, inference, TrainingContext } from '../../lib/layers';
import { activate } from '../../lib/ops/activation';
import { relu } from '../../lib/ops/activations';
import { dropout } from '../../lib/ops/dropout';
import { advance } from '../../lib/ops/update';
import { openDevice } from '../../lib/runtime/device';
import { State } from '../../lib/tensor/state';
import { input, Parameter, type Tensor } from '../../lib/tensor/tensor';
import { cpu } from '../train/support';

const device = cpu();
const size = 64 * 1024;

interface Key {
  readonly seed?: number;
  readonly step?: number;
  readonly name?: string;
  readonly rate?: number;
}

/** Returns a dropout mask: 1 for each element that is kept. */
async function mask({ seed = 1, step = 0, name = 'drop', rate = 0.3 }: Key = {}): Promise<Uint8Array> {
  const counter = input('counter', [2], { dtype: 'i32' });
  const dropped = new Dropout({ name, rate }).forward(input('x', [64, 1024]), new TrainingContext(counter));
  const plan = await compile(Graph.from({ outputs: { y: dropped } }), { device });
  const inputs = { x: new Float32Array(size).fill(1), counter: Int32Array.of(seed, step) };
  const { outputs } = await plan.run(inputs);
  plan.dispose();
  const y = outputs.y ?? [];
  const f32Rate = Math.fround(rate);
  expect(Array.from(new Set(y)).sort()).toEqual([0, Math.fround(1 / Math.fround(1 - f32Rate))]);
  return Uint8Array.from(y, (value) => (value === 0 ? 0 : 1));
}

const share = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** Five standard deviations of the frequency of an event with probability p. */
const margin = (p: number) => 5 * Math.sqrt((p * (1 - p)) / size);

describe('masks', () => {
  test.each([0.01, 0.3, 0.5, 0.9])('drop a part of %f', async (rate) => {
    const kept = await mask({ rate });
    expect(Math.abs(share(kept) - (1 - rate))).toBeLessThan(margin(rate));
    // The elements of each of the four words of a Philox block must have this frequency, too.
    for (const part of [0, 1, 2, 3]) {
      const own = kept.filter((_, i) => i % 4 === part);
      expect(Math.abs(share(own) - (1 - rate))).toBeLessThan(2 * margin(rate));
    }
  });

  test('of one key are equal; of another seed, step or layer independent', async () => {
    const rate = 0.3;
    const one = await mask({ rate });
    expect(await mask({ rate })).toEqual(one);
    const independent = rate ** 2 + (1 - rate) ** 2;
    for (const other of [{ seed: 2 }, { step: 1 }, { name: 'drop2' }, { name: 'Drop' }]) {
      const second = await mask({ rate, ...other });
      const equal = share(second.map((value, i) => (value === one[i] ? 1 : 0)));
      expect(Math.abs(equal - independent), JSON.stringify(other)).toBeLessThan(margin(independent));
    }
    // Neighbours within a mask must be independent, too.
    const next = share(one.subarray(1).map((value, i) => (value === one[i] ? 1 : 0)));
    expect(Math.abs(next - independent)).toBeLessThan(margin(independent));
  });

  test('are the same in every layout, on any number of threads', async () => {
    const shape = [3, 40, 21, 32];
    const count = shape.reduce((product, d) => product * d, 1);
    const counter = input('counter', [2], { dtype: 'i32' });
    const drop = (x: Tensor) => dropout(x, counter, { rate: 0.5, stream: 5 });
    const x = input('x', shape);
    const rows = input('rows', [3 * 40 * 21, 32]);
    const odd = input('odd', [1, 2, 2, 5]);
    const run = async (outputs: Record<string, Tensor>, on = device) => {
      const plan = await compile(Graph.from({ outputs }), { device: on });
      const values = new Float32Array(count).fill(1);
      const all = { x: values, rows: values, odd: new Float32Array(20), counter: Int32Array.of(8, 9) };
      const used = Object.entries(all).filter(([name]) => name !== 'odd' || 'odd' in outputs);
      const given = used.filter(
        ([name]) => name === 'counter' || name === 'odd' || (name === 'rows') === 'rows' in outputs,
      );
      const result = await plan.run(Object.fromEntries(given));
      const blocked = plan.kernels.some(({ name }) => name.includes('(layout)'));
      plan.dispose();
      return { blocked, y: result.outputs.y ?? result.outputs.rows };
    };
    const blocked = await run({ y: drop(x) });
    // A tensor with 5 channels prevents the blocked layout in the whole plan.
    const plain = await run({ y: drop(x), odd: activate(odd, relu()) });
    const matrix = await run({ rows: drop(rows) });
    // The CPU backend blocks images where it also computes in bf16: with AVX-512.
    const blocks = device.precisions.includes('bf16');
    expect([blocked.blocked, plain.blocked, matrix.blocked]).toEqual([blocks, false, false]);
    expect(plain.y).toEqual(blocked.y);
    expect(matrix.y).toEqual(blocked.y);
    const single = openDevice('cpu', { threads: 1 });
    expect((await run({ y: drop(x) }, single)).y).toEqual(blocked.y);
    single.dispose();
  });

  test('change from step to step of one run', async () => {
    const unused = new Parameter({ name: 'p', shape: [1], decay: false, initialize: () => new Float32Array(1) });
    const state = new State([unused], { seed: 4 });
    const y = new Dropout({ name: 'drop', rate: 0.5 }).forward(input('x', [8, 64]), new TrainingContext(state.counter));
    const open = input('gate', [1], { dtype: 'i32' });
    const plan = await compile(Graph.from({ outputs: { y }, updates: [advance(open, state.counter)] }), { device });
    const { outputs } = await plan.run({ x: new Float32Array(512).fill(1), gate: Int32Array.of(0) }, { steps: 2 });
    expect(outputs.y?.subarray(0, 512)).not.toEqual(outputs.y?.subarray(512));
    plan.dispose();
    state.dispose();
  });
});

test('inference drops nothing, and a rate of 0 does not either', () => {
  const x = input('x', [2, 8]);
  expect(new Dropout({ name: 'drop', rate: 0.5 }).forward(x, inference)).toBe(x);
  const training = new TrainingContext(input('counter', [2], { dtype: 'i32' }));
  expect(new Dropout({ name: 'drop', rate: 0 }).forward(x, training)).toBe(x);
  expect(new Dropout({ name: 'drop', rate: 0.5 }).forward(x, training)).not.toBe(x);
});

test('bad rates and counters are refused by name', () => {
  for (const rate of [-0.1, 1, 1 - 1e-12, Number.NaN, '0.5' as never]) {
    expect(() => new Dropout({ name: 'drop', rate })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(/rate of drop/) }),
    );
  }
  const options = { rate: 0.5, stream: 0 };
  const x = input('x', [2, 8]);
  const blind = { training: true, counter: null, remember: () => {} };
  expect(() => new Dropout({ name: 'drop', rate: 0.5 }).forward(x, blind)).toThrow(/context\.counter.*null/);
  expect(() => dropout(x, input('counter', [2]), options)).toThrow(/\[dropout\].*i32.*counter/);
  expect(() => dropout(x, input('counter', [2], { dtype: 'i32' }), { rate: 0.5, stream: 2 ** 31 })).toThrow(/stream/);
});
