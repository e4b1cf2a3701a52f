/** Layout, placement in memory, and execution of plans, observed through the fake backend. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NativeDevice, PlanDescription, RunInput } from '../../lib/runtime/native';
import { assign, Fakes, int32, node, open, perStep, plan, tensor, value } from './support';

const fakes = new Fakes();
let device: NativeDevice;
let blocked: NativeDevice;
beforeAll(() => {
  device = open(fakes.backend());
  blocked = open(fakes.blockedBackend());
});
afterAll(() => {
  device.dispose();
  blocked.dispose();
  fakes.remove();
});

const noBytes = { parameters: 0, optimizer: 0, gradients: 0, buffers: 0 };

async function runOnce(description: PlanDescription, inputs: RunInput[], on = device): Promise<number[][]> {
  const compiled = await on.compile(description, null);
  const { outputs } = await compiled.run(inputs, 1);
  compiled.dispose();
  return outputs.map((output) => Array.from(output));
}

function range(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

describe('steps', () => {
  const sum = plan([tensor(), tensor(), tensor()], [node('add', [0, 1], [2])], [0, 1], [2]);

  test('inputs for each step and for all steps', async () => {
    const compiled = await device.compile(sum, null);
    const result = await compiled.run([perStep(...range(12)), value(100, 200, 300, 400)], 3);
    expect(result.steps).toBe(3);
    expect(Array.from(result.outputs[0]!)).toEqual(range(12).map((x) => x + 100 * ((x % 4) + 1)));
    compiled.dispose();
  });

  test('resident inputs, for each step too', async () => {
    const all = device.upload(new Float32Array(range(8)));
    const one = device.upload(new Float32Array([10, 20, 30, 40]));
    expect([all.byteLength, one.byteLength]).toEqual([32, 16]);
    const compiled = await device.compile(sum, null);
    const inputs = [
      { data: all, perStep: true },
      { data: one, perStep: false },
    ];
    const first = await compiled.run(inputs, 2);
    expect(Array.from(first.outputs[0]!)).toEqual([10, 21, 32, 43, 14, 25, 36, 47]);
    // Plain arrays are copied to memory of their own, so the resident tensor has not changed.
    await compiled.run([value(0, 0, 0, 0), value(9, 9, 9, 9)], 1);
    const second = await compiled.run(inputs, 2);
    expect(second.outputs).toEqual(first.outputs);
    for (const it of [all, one, compiled]) it.dispose();
  });

  test('arrays are copied before run() returns', async () => {
    const compiled = await device.compile(sum, null);
    const data = new Float32Array([1, 2, 3, 4]);
    const running = compiled.run([{ data, perStep: false }, value(0, 0, 0, 0)], 1);
    data.fill(-1);
    expect(Array.from((await running).outputs[0]!)).toEqual([1, 2, 3, 4]);
    compiled.dispose();
  });

  test('trace times every kernel, and writes state only when asked to', async () => {
    const state = device.createState({ ...noBytes, buffers: 16 });
    const stateful = plan(
      [tensor(), tensor([4], { arena: 'buffers', byteOffset: 0 })],
      [node('slow', [0], [2], { attributes: int32(20) }), assign(-1, 1, 2)],
      [0],
      [2],
    );
    stateful.tensors.push(tensor());
    const compiled = await device.compile(stateful, state);
    const { milliseconds, nonFinite } = await compiled.trace([value(1, 2, 3, 4)], false, false);
    expect(compiled.kernels.map(({ op }) => op)).toEqual(['slow', 'assign']);
    expect(milliseconds[0]).toBeGreaterThan(15);
    expect(milliseconds[1]).toBe(0);
    expect(nonFinite).toEqual([]);
    expect(Array.from(new Float32Array(await state.read('buffers', 0, 16)))).toEqual([0, 0, 0, 0]);
    const updating = await compiled.trace([value(1, 2, 3, 4)], false, true);
    expect(updating.milliseconds[1]).toBeGreaterThan(0);
    expect(Array.from(new Float32Array(await state.read('buffers', 0, 16)))).toEqual([1, 2, 3, 4]);
    for (const it of [compiled, state]) it.dispose();
  });

  test('a trace with updates writes nothing where the gate is closed', async () => {
    const state = device.createState({ ...noBytes, parameters: 16 });
    const gated = plan(
      [tensor(), tensor([4], { arena: 'parameters', byteOffset: 0 }), tensor([1], { dtype: 'i32' })],
      [node('isNegative', [0], [2]), assign(2, 1, 0)],
      [0],
      [2],
      { gate: 2 },
    );
    const compiled = await device.compile(gated, state);
    const values = async () => Array.from(new Float32Array(await state.read('parameters', 0, 16)));
    expect((await compiled.trace([value(-1, 2, 3, 4)], false, true)).milliseconds[1]).toBe(0);
    expect(await values()).toEqual([0, 0, 0, 0]);
    expect((await compiled.trace([value(1, 2, 3, 4)], false, true)).milliseconds[1]).toBeGreaterThan(0);
    expect(await values()).toEqual([1, 2, 3, 4]);
    for (const it of [compiled, state]) it.dispose();
  });
});

describe('state', () => {
  test('arenas are zeroed, read and written by range', async () => {
    const state = device.createState({ parameters: 16, optimizer: 8, gradients: 4, buffers: 0 });
    expect(new Uint8Array(await state.read('parameters', 0, 16))).toEqual(new Uint8Array(16));
    await state.write('parameters', 4, new Float32Array([5]));
    await state.write('optimizer', 0, new Int32Array([-1, 7]));
    expect(new Float32Array(await state.read('parameters', 0, 16))).toEqual(new Float32Array([0, 5, 0, 0]));
    expect(new Int32Array(await state.read('optimizer', 4, 4))).toEqual(new Int32Array([7]));
    expect((await state.read('buffers', 0, 0)).byteLength).toBe(0);
    state.dispose();
  });

  test('the gate ends the run before anything is written; outputs are what the step has read', async () => {
    const state = device.createState({ ...noBytes, parameters: 16 });
    await state.write('parameters', 0, new Float32Array([1, 2, 3, 4]));
    // The plan: parameters += input, unless the first element of the sum is negative.
    const gated = plan(
      [tensor(), tensor([4], { arena: 'parameters', byteOffset: 0 }), tensor(), tensor([1], { dtype: 'i32' })],
      [node('add', [0, 1], [2]), node('isNegative', [2], [3]), assign(3, 1, 2)],
      [0],
      [1, 2],
      { gate: 3 },
    );
    const compiled = await device.compile(gated, state);
    const { steps, outputs } = await compiled.run([perStep(1, 1, 1, 1, 2, 2, 2, 2, -9, 0, 0, 0, 5, 5, 5, 5)], 4);
    expect(steps).toBe(2);
    expect(Array.from(outputs[0]!)).toEqual([1, 2, 3, 4, 2, 3, 4, 5, 4, 5, 6, 7]);
    expect(Array.from(outputs[1]!)).toEqual([2, 3, 4, 5, 4, 5, 6, 7, -5, 5, 6, 7]);
    expect(Array.from(new Float32Array(await state.read('parameters', 0, 16)))).toEqual([4, 5, 6, 7]);
    for (const it of [compiled, state]) it.dispose();
  });

  test('gradients that are written where they belong need no copy', async () => {
    const state = device.createState({ ...noBytes, gradients: 40 });
    const flat = tensor([10], { arena: 'gradients', byteOffset: 0 });
    const part = (offset: number) => tensor([4], { base: 1, offset });
    const description = plan(
      [tensor(), flat, part(1), part(6)],
      [node('copy', [0], [2]), node('add', [0, 2], [3]), node('placed', [2, 3], [1], { attributes: int32(1, 6) })],
      [0],
      [1],
      { poison: true },
    );
    const compiled = await device.compile(description, state);
    const { outputs } = await compiled.run([value(1, 2, 3, 4)], 1);
    expect(Array.from(outputs[0]!)).toEqual([0, 1, 2, 3, 4, 0, 2, 4, 6, 8]);
    for (const it of [compiled, state]) it.dispose();
  });
});

describe('memory', () => {
  test('an output in place shares its input’s memory; over a plan’s input it gets its own', async () => {
    const chain = (inPlace: number) => [
      node('add', [0], [1], { inPlace: [inPlace] }),
      node('add', [1], [2], { inPlace: [inPlace] }),
      node('add', [2], [3], { inPlace: [inPlace] }),
    ];
    const tensors = Array.from({ length: 4 }, () => tensor());
    const compiled = await device.compile(plan(tensors, chain(0), [0], [3]), null);
    const apart = await device.compile(plan(tensors, chain(-1), [0], [3]), null);
    expect(compiled.arenaBytes).toBe(256);
    expect(apart.arenaBytes).toBe(512);
    const { outputs } = await compiled.run([value(1, 2, 3, 4)], 3);
    expect(Array.from(outputs[0]!)).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
    for (const it of [compiled, apart]) it.dispose();
  });

  test('chains of views: elements, and slices of slices of channels', async () => {
    const elements = plan(
      [tensor([6]), tensor([4], { base: 0, offset: 2 }), tensor([2], { base: 1, offset: 1 }), tensor([2])],
      [node('copy', [2], [3])],
      [0],
      [3],
    );
    expect(await runOnce(elements, [value(0, 1, 2, 3, 4, 5)])).toEqual([[3, 4]]);
    const channels = plan(
      [
        tensor([1, 1, 2, 6]),
        tensor([1, 1, 2, 4], { base: 0, offset: 2 }),
        tensor([1, 1, 2, 2], { base: 1, offset: 1 }),
        tensor([1, 1, 2, 2]),
      ],
      [node('copy', [2], [3])],
      [0],
      [3],
    );
    expect(await runOnce(channels, [value(...range(12))])).toEqual([[3, 4, 9, 10]]);
  });

  test('constants, and optional tensors that are absent', async () => {
    const description = plan(
      [tensor(), tensor([4], { data: new Float32Array([10, 20, 30, 40]) }), tensor()],
      [node('add', [0, -1, 1], [2])],
      [0],
      [2],
    );
    expect(await runOnce(description, [value(1, 2, 3, 4)])).toEqual([[11, 22, 33, 44]]);
  });

  test('poison shows what a kernel leaves out, and what it reads of its scratch', async () => {
    const description = plan(
      [tensor(), tensor(), tensor()],
      [node('first', [0], [1]), node('peek', [0], [2])],
      [0],
      [1, 2],
      {
        poison: true,
      },
    );
    const compiled = await device.compile(description, null);
    for (let round = 0; round < 2; round++) {
      const { outputs } = await compiled.run([value(7, 8, 9, 10)], 1);
      expect(Array.from(outputs[0]!)).toEqual([7, Number.NaN, Number.NaN, Number.NaN]);
      expect(outputs[1]![0]).toBeNaN();
    }
    compiled.dispose();
  });
});

describe('layout', () => {
  const image = (channels: number, more = {}) => tensor([2, 2, 3, channels], more);
  const data = range(2 * 2 * 3 * 16);

  async function implementations(description: PlanDescription, on = blocked): Promise<string[]> {
    const compiled = await on.compile(description, null);
    compiled.dispose();
    return compiled.kernels.map(({ op, implementation }) => `${op}: ${implementation}`);
  }

  test('activations are blocked between plain borders', async () => {
    const description = plan(
      [image(16), image(16), image(16)],
      [node('add', [0], [1]), node('add', [1], [2])],
      [0],
      [2],
    );
    expect(await implementations(description)).toEqual([
      'copy: plain -> blocked',
      'add: blocked -> blocked',
      'add: blocked -> blocked',
      'copy: blocked -> plain',
    ]);
    expect(await implementations(description, device)).toEqual(['add: plain -> plain', 'add: plain -> plain']);
    expect(await runOnce(description, [value(...data)], blocked)).toEqual([data]);
  });

  test('a channel count that is no multiple of 16 keeps the whole plan plain; an image of 3 channels does not', async () => {
    const pair = (channels: number) =>
      plan(
        [image(16), image(16), image(channels), image(channels)],
        [node('add', [0], [1]), node('add', [2], [3])],
        [0, 2],
        [1, 3],
      );
    expect((await implementations(pair(24))).every((text) => text.endsWith('plain -> plain'))).toBe(true);
    expect(await implementations(pair(3))).toContain('add: blocked -> blocked');
    expect(await implementations(pair(3))).toContain('add: plain -> plain');
  });

  test('slices of a concatenation: blocked at multiples of 16 only', async () => {
    const concatenation = (first: number, second: number) =>
      plan(
        [
          image(first),
          image(second),
          image(first + second),
          image(first, { base: 2, offset: 0 }),
          image(second, { base: 2, offset: first }),
        ],
        [node('copy', [0], [3]), node('add', [1, 1], [4]), node('placed', [3, 4], [2], { attributes: int32(0, 0) })],
        [0, 1],
        [2],
        { poison: true },
      );
    const expected = (first: number, second: number) =>
      range(12).flatMap((pixel) => [
        ...range(first, pixel * first),
        ...range(second, pixel * second).map((x) => 2 * x),
      ]);
    for (const [first, second] of [
      [16, 32],
      [8, 16],
    ] as const) {
      const inputs = [value(...range(12 * first)), value(...range(12 * second))];
      expect(await runOnce(concatenation(first, second), inputs, blocked)).toEqual([expected(first, second)]);
    }
    expect(await implementations(concatenation(16, 32))).toContain('placed: blocked slice -> blocked');
    expect(await implementations(concatenation(8, 16))).toContain('placed: plain slice -> plain');
  });

  test('inputs and outputs that are slices', async () => {
    const description = plan(
      [image(32), image(16, { base: 0, offset: 16 }), image(32)],
      [node('add', [0], [2])],
      [0],
      [1, 2],
    );
    const input = range(12 * 32);
    const slice = range(12).flatMap((pixel) => range(16, pixel * 32 + 16));
    expect(await runOnce(description, [value(...input)], blocked)).toEqual([slice, input]);
    expect(await runOnce(description, [value(...input)], device)).toEqual([slice, input]);
  });

  test('images in the State and constant images stay plain where they lie', async () => {
    const state = blocked.createState({ ...noBytes, parameters: 12 * 16 * 4 });
    await state.write('parameters', 0, new Float32Array(data));
    const description = plan(
      [image(16, { arena: 'parameters', byteOffset: 0 }), image(16, { data: new Float32Array(data) }), image(16)],
      [node('add', [0, 1], [2]), assign(-1, 0, 2)],
      [],
      [2],
    );
    const compiled = await blocked.compile(description, state);
    const doubled = data.map((x) => 2 * x);
    expect(compiled.kernels.find(({ op }) => op === 'add')?.implementation).toBe('blocked -> blocked');
    expect(Array.from((await compiled.run([], 1)).outputs[0]!)).toEqual(doubled);
    expect(Array.from(new Float32Array(await state.read('parameters', 0, 12 * 16 * 4)))).toEqual(doubled);
    for (const it of [compiled, state]) it.dispose();
  });

  test('all readers of a constant image share one blocked copy; gradients are copied for each reader', async () => {
    const state = blocked.createState({ ...noBytes, gradients: 12 * 16 * 4 });
    const constants = plan(
      [image(16, { data: new Float32Array(data) }), image(16), image(16)],
      [node('add', [0], [1]), node('add', [0, 1], [2])],
      [],
      [2],
    );
    const constantCopies = (await implementations(constants)).filter((text) => text === 'copy: plain -> blocked');
    expect(constantCopies).toHaveLength(1);
    expect(await runOnce(constants, [], blocked)).toEqual([data.map((x) => 2 * x)]);
    // The plan reads the gradient arena's old value, writes the arena, and reads it again.
    const gradients = plan(
      [image(16, { arena: 'gradients', byteOffset: 0 }), image(16), image(16), image(16)],
      [node('add', [0], [1]), node('add', [3], [0]), node('add', [0, 1], [2])],
      [3],
      [2],
    );
    const compiled = await blocked.compile(gradients, state);
    expect(Array.from((await compiled.run([value(...data)], 1)).outputs[0]!)).toEqual(data);
    for (const it of [compiled, state]) it.dispose();
  });

  test('what writes state writes a flat part of it that holds an image', async () => {
    const state = blocked.createState({ ...noBytes, buffers: 8 + 12 * 16 * 4 });
    const description = plan(
      [
        tensor([2 + 12 * 16], { arena: 'buffers', byteOffset: 0 }),
        image(16, { base: 0, offset: 2 }),
        image(16),
        image(16),
      ],
      [node('add', [2], [3]), assign(-1, 1, 3)],
      [2],
      [],
    );
    const compiled = await blocked.compile(description, state);
    await compiled.run([value(...data)], 1);
    const bytes = await state.read('buffers', 0, 8 + 12 * 16 * 4);
    expect(Array.from(new Float32Array(bytes))).toEqual([0, 0, ...data]);
    for (const it of [compiled, state]) it.dispose();
  });

  test('an image of one pixel may be seen as rows; a larger one then keeps the plan plain', async () => {
    const flat = (size: number) =>
      plan(
        [
          tensor([2, size, size, 16]),
          tensor([2, size, size, 16]),
          tensor([2, size * size * 16], { base: 1, offset: 0 }),
        ],
        [node('add', [0], [1])],
        [0],
        [2],
      );
    expect(await implementations(flat(1))).toContain('add: blocked -> blocked');
    expect(await implementations(flat(2))).toEqual(['add: plain -> plain']);
    expect(await runOnce(flat(1), [value(...range(32))], blocked)).toEqual([range(32)]);
    expect(await runOnce(flat(2), [value(...range(128))], blocked)).toEqual([range(128)]);
  });
});
