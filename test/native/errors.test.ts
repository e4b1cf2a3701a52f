/** Nothing that JavaScript passes may crash: every fault is an Error with a code that names the argument. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadAddon } from '../../lib/addon';
import type { NativeDevice, PlanDescription, TensorDescription } from '../../lib/native';
import { Philox } from '../../lib/random';
import { Fakes, int32, node, open, options, perStep, plan, slowPlan, tensor, value } from './support';

const fakes = new Fakes();
const bytes = { parameters: 64, optimizer: 0, gradients: 64, buffers: 8 };
let library: string;
let device: NativeDevice;
beforeAll(() => {
  library = fakes.backend();
  device = open(library);
});
afterAll(() => {
  device.dispose();
  fakes.remove();
});

// For what the types forbid.
// biome-ignore lint/suspicious/noExplicitAny: wrong values are what these tests are about
type Any = any;

function failure(body: () => unknown): Error & { code?: string } {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe('loading', () => {
  test('a library that is not there, not a library, not a backend, or named by no full path', () => {
    const missing = join(fakes.folder, 'missing.so');
    const text = join(fakes.folder, 'text.so');
    writeFileSync(text, 'not a library');
    const other = fakes.build('other.so', ['test/fakes/not_a_backend.c'], ['-shared', '-fPIC', '-x', 'c++']);
    for (const [path, reason] of [
      [missing, 'No such file'],
      [text, 'file too short'],
      [other, 'not a backend of saturnn'],
      ['libm.so.6', 'absolute'],
      ['', 'absolute'],
    ] as const) {
      for (const call of [loadAddon().openDevice, loadAddon().probe]) {
        const error = failure(() => call(options(path)));
        expect(error).toMatchObject({ code: 'ERR_BACKEND_NOT_FOUND' });
        expect(error.message).toContain(path);
        expect(error.message).toContain(reason);
      }
    }
  });

  test('a backend of another ABI version names both', () => {
    const source = join(fakes.folder, 'other_abi.cc');
    writeFileSync(
      source,
      'extern "C" const void* saturnn_backend(unsigned, unsigned* own) { *own = 999; return nullptr; }',
    );
    const path = fakes.build('abi.so', [], ['-shared', '-fPIC', source]);
    const error = failure(() => loadAddon().openDevice(options(path)));
    expect(error).toMatchObject({ code: 'ERR_BACKEND_ABI' });
    expect(error.message).toContain(path);
    expect(error.message).toContain('version 999');
    expect(error.message).toContain(`version ${loadAddon().abiVersion}`);
  });

  test('a device that does not open throws the backend’s error, and leaves nothing behind', () => {
    const before = loadAddon().counters();
    const error = failure(() => loadAddon().openDevice(options(library, { index: 1 })));
    expect(error).toMatchObject({ code: 'ERR_FAKE_OPEN', message: 'there is one device only' });
    expect(loadAddon().counters()).toEqual(before);
  });

  test('options of wrong types', () => {
    for (const wrong of [
      undefined,
      null,
      7,
      {},
      options(7 as Any),
      options(library, { index: -1 }),
      options(library, { index: 0.5 }),
      options(library, { threads: Number.NaN }),
      options(library, { searchPaths: 'x' as Any }),
      options(library, { searchPaths: [Symbol('x')] as Any }),
    ]) {
      expect(failure(() => loadAddon().openDevice(wrong as Any))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
  });
});

describe('objects', () => {
  test('classes cannot be constructed, methods not borrowed, objects not forged', async () => {
    const state = device.createState(bytes);
    const compiled = await device.compile(slowPlan(0, 1), null);
    const buffer = device.upload(new Float32Array(4));
    for (const it of [device, state, compiled, buffer] as Any[]) {
      expect(() => new it.constructor()).toThrow('Illegal constructor');
      expect(() => new it.constructor({}, 1)).toThrow('Illegal constructor');
    }
    expect(() => (compiled as Any).run.call(state, [], 1)).toThrow(TypeError);
    expect(() => (state as Any).dispose.call({})).toThrow(TypeError);
    for (const wrong of [{}, buffer, device, 7, Object.create(state)] as Any[]) {
      await expect(device.compile(slowPlan(0, 1), wrong)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    for (const wrong of [{}, state, [1, 2, 3, 4], new Float64Array(4), new DataView(new ArrayBuffer(16))] as Any[]) {
      const run = compiled.run([{ data: wrong, perStep: false }], 1);
      await expect(run).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    for (const it of [state, compiled, buffer]) it.dispose();
  });

  test('objects of another device', async () => {
    const other = open(library);
    const compiled = await device.compile(slowPlan(0, 1), null);
    const state = other.createState(bytes);
    await expect(device.compile(slowPlan(0, 1), state)).rejects.toThrow('a State of the same device');
    const data = other.upload(new Float32Array(4));
    await expect(compiled.run([{ data, perStep: false }], 1)).rejects.toThrow('a resident buffer of the plan');
    for (const it of [compiled, state, data, other]) it.dispose();
  });

  test('objects that were disposed', async () => {
    const disposed = { code: 'ERR_DISPOSED' };
    const state = device.createState(bytes);
    const buffer = device.upload(new Float32Array(4));
    const stateful = plan([tensor([4], { arena: 'parameters', byteOffset: 0 })], [], [], [0]);
    const reader = await device.compile(stateful, state);
    const compiled = await device.compile(slowPlan(0, 1), null);
    for (const it of [state, buffer]) it.dispose();
    await expect(state.read('parameters', 0, 4)).rejects.toMatchObject(disposed);
    await expect(state.write('parameters', 0, new Float32Array(1))).rejects.toMatchObject(disposed);
    await expect(device.compile(stateful, state)).rejects.toMatchObject(disposed);
    await expect(reader.run([], 1)).rejects.toMatchObject(disposed);
    await expect(compiled.run([{ data: buffer, perStep: false }], 1)).rejects.toMatchObject(disposed);
    compiled.dispose();
    await expect(compiled.run([value(1, 2, 3, 4)], 1)).rejects.toMatchObject(disposed);
    await expect(compiled.trace([value(1, 2, 3, 4)])).rejects.toMatchObject(disposed);
    const closed = open(library);
    closed.dispose();
    expect(failure(() => closed.upload(new Float32Array(1)))).toMatchObject(disposed);
    expect(failure(() => closed.createState(bytes))).toMatchObject(disposed);
    await expect(closed.compile(slowPlan(0, 1), null)).rejects.toMatchObject(disposed);
    reader.dispose();
  });

  test('a State that does not fit the device says so when it is used', async () => {
    const full = { code: 'ERR_OUT_OF_MEMORY', message: 'the fake device is full' };
    const state = device.createState({ ...bytes, optimizer: 2 ** 40 });
    await expect(state.read('parameters', 0, 4)).rejects.toMatchObject(full);
    await expect(device.compile(slowPlan(0, 1), state)).rejects.toMatchObject(full);
    state.dispose();
    for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, '4', undefined] as Any[]) {
      const error = failure(() => device.createState({ ...bytes, buffers: wrong }));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      expect(error.message).toContain('bytes.buffers');
    }
  });

  test('ranges outside of an arena', async () => {
    const state = device.createState(bytes);
    for (const [offset, length] of [
      [0, 65],
      [64, 1],
      [65, 0],
      [-4, 4],
      [2 ** 53, 2 ** 53],
      [0, Number.NaN],
    ] as const) {
      await expect(state.read('parameters', offset, length)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    await expect(state.write('buffers', 8, new Uint8Array(1))).rejects.toThrow("8 bytes of the arena 'buffers'");
    await expect(state.read('nowhere' as Any, 0, 1)).rejects.toThrow(
      "'parameters', 'optimizer', 'gradients' or 'buffers'",
    );
    state.dispose();
  });
});

describe('runs', () => {
  test('inputs of wrong number, type or size, and steps that are no count', async () => {
    const compiled = await device.compile(slowPlan(0, 1), null);
    const fine = value(1, 2, 3, 4);
    for (const [inputs, steps, text] of [
      [[], 1, 'Expected 1 inputs'],
      [[fine, fine], 1, 'Expected 1 inputs'],
      [[value(1, 2, 3)], 1, "16 bytes for the input 'input 0' but received 12"],
      [[perStep(1, 2, 3, 4)], 2, '16 bytes for each of 2 steps'],
      [[perStep(...Array(12).fill(0))], 2, '16 bytes for each of 2 steps'],
      [[{ data: new Int32Array(4), perStep: false }], 1, 'dtype f32'],
      [[{ data: device.upload(new Uint8Array(15)), perStep: false }], 1, 'received 15'],
      [[{ data: fine.data }], 1, 'a boolean'],
      [[undefined], 1, 'an object'],
      ['inputs', 1, 'an array'],
      [[fine], 0, 'from 1 to'],
      [[fine], 1.5, 'from 1 to'],
      [[fine], 2 ** 40, 'from 1 to'],
      [[fine], undefined, 'from 1 to'],
    ] as const) {
      const run = compiled.run(inputs as Any, steps as Any);
      await expect(run).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringContaining(text) });
    }
    const data = new Float32Array(4);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    await expect(compiled.run([{ data, perStep: false }], 1)).rejects.toThrow('received 0');
    compiled.dispose();
  });
});

describe('plans', () => {
  const invalid = 'ERR_INVALID_PLAN';
  const copy = node('copy', [0], [1]);
  const pair = [tensor(), tensor()];
  const view = (more: Partial<TensorDescription>) => plan([...pair, tensor([2], more)], [copy], [0], [1, 2]);
  const state = (more: Partial<TensorDescription>) =>
    plan([tensor([4], { arena: 'gradients', byteOffset: 0, ...more }), tensor()], [copy], [], [1]);

  const cases: Record<string, [PlanDescription, code: string, text: string]> = {
    'an unknown op': [
      plan(pair, [node('x', [0], [1])], [0], [1]),
      'ERR_UNSUPPORTED',
      "[fake] no kernel for op 'x' (the x)",
    ],
    'an op that the backend refuses': [plan(pair, [node('none', [0], [1])], [0], [1]), 'ERR_UNSUPPORTED', '(the none)'],
    'attributes of a wrong size': [
      plan(pair, [node('slow', [0], [1])], [0], [1]),
      invalid,
      'Expected 4 bytes of attributes',
    ],
    'offsets outside of the output': [
      plan(pair, [node('placed', [0], [1], { attributes: int32(1) })], [0], [1]),
      invalid,
      "output's 4 elements",
    ],
    'negative offsets': [
      plan(pair, [node('placed', [0], [1], { attributes: int32(-1) })], [0], [1]),
      invalid,
      'offset -1',
    ],
    'an input that is no tensor': [
      plan(pair, [node('copy', [2], [1])], [0], [1]),
      invalid,
      "2 for an input of op 'copy'",
    ],
    'an output that is no tensor': [plan(pair, [node('copy', [0], [9])], [0], [1]), invalid, 'received 9'],
    'a plan’s input that is no tensor': [plan(pair, [copy], [5], [1]), invalid, "the plan's input 'input 0'"],
    'a plan’s output that is no tensor': [plan(pair, [copy], [0], [5]), invalid, "the plan's output 'output 0'"],
    'a plan’s input given twice': [plan(pair, [copy], [0, 0], [1]), invalid, "Two of the plan's inputs"],
    'a plan’s input that is constant': [
      plan([tensor([1], { data: new Float32Array(1) })], [], [0], [0]),
      invalid,
      'is a constant',
    ],
    'rank 0': [plan([tensor([])], [], [0], [0]), invalid, '1 to 4 dimensions'],
    'rank 5': [plan([tensor([1, 1, 1, 1, 1])], [], [0], [0]), invalid, '1 to 4 dimensions'],
    'an image of rank 3': [plan([tensor([1, 1, 1], { image: true })], [], [0], [0]), invalid, '4 dimensions'],
    'a size of 0': [plan([tensor([0])], [], [0], [0]), invalid, 'f32 [0]'],
    'too many elements': [plan([tensor([2 ** 30, 2 ** 30, 2 ** 30])], [], [0], [0]), invalid, '2^40'],
    'too large a size': [plan([tensor([2 ** 31])], [], [0], [0]), invalid, 'sizes from 1'],
    'two places': [view({ base: 0, offset: 0, data: new Float32Array(2) }), invalid, 'one of arena, data and base'],
    'a constant of a wrong size': [view({ data: new Float32Array(3) }), invalid, 'Expected 8 bytes of data'],
    'a view past its base': [view({ base: 0, offset: 3 }), invalid, 'at element 3'],
    'a view of another dtype': [view({ base: 0, offset: 0, dtype: 'i32' }), invalid, 'Expected a part of its base'],
    'a base that is no tensor': [view({ base: 7, offset: 0 }), invalid, 'received 7'],
    'a view of itself': [view({ base: 2, offset: 0 }), invalid, 'at most 64 bases'],
    'a slice of channels past its base': [
      plan([tensor([1, 2, 2, 4]), tensor([1, 2, 2, 2], { base: 0, offset: 3 })], [], [0], [1]),
      invalid,
      'at channel 3',
    ],
    'a slice of another image size': [
      plan([tensor([1, 2, 2, 4]), tensor([1, 1, 2, 2], { base: 0, offset: 0 })], [], [0], [1]),
      invalid,
      'Expected a part of its base',
    ],
    'elements of a slice of channels': [
      plan(
        [tensor([1, 2, 2, 4]), tensor([1, 2, 2, 2], { base: 0, offset: 0 }), tensor([8], { base: 1, offset: 0 })],
        [],
        [0],
        [2],
      ),
      invalid,
      'which is a slice of channels',
    ],
    'a tensor past its arena': [state({ byteOffset: 52 }), invalid, 'byte offset 52'],
    'a tensor at half an element': [state({ byteOffset: 2 }), invalid, 'byte offset 2'],
    'a tensor of an arena too small': [state({ arena: 'buffers' }), invalid, "8 bytes of the arena 'buffers'"],
    'reading what nothing wrote': [
      plan([...pair, tensor()], [node('copy', [2], [1])], [0], [1]),
      invalid,
      'nothing has written',
    ],
    'an output that nothing wrote': [plan([...pair, tensor()], [copy], [0], [2]), invalid, 'nothing has written'],
    'writing twice': [plan(pair, [copy, copy], [0], [1]), invalid, 'was written before'],
    'writing an input': [plan(pair, [copy, node('copy', [1], [0])], [0], [1]), invalid, 'is an input'],
    'writing parameters': [
      plan([tensor(), tensor([4], { arena: 'parameters', byteOffset: 0 })], [copy], [0], [1]),
      invalid,
      'a part of the State',
    ],
    'a node after those that write state': [
      plan(pair, [node('assign', [-1, 0, 0], []), copy], [0], [1]),
      invalid,
      'at the end',
    ],
    'in place over what is read later': [
      plan(
        [tensor(), tensor(), tensor(), tensor()],
        [copy, node('copy', [1], [2], { inPlace: [0] }), node('add', [1, 2], [3])],
        [0],
        [3],
      ),
      invalid,
      'is read later',
    ],
    'in place over no input': [
      plan(pair, [node('copy', [0], [1], { inPlace: [1] })], [0], [1]),
      invalid,
      'for inPlace of',
    ],
    'in place without an output': [
      plan(pair, [node('copy', [0], [1], { inPlace: [-1, 0] })], [0], [1]),
      invalid,
      'one entry',
    ],
    'in place over another size': [
      plan([tensor(), tensor([2])], [node('copy', [0], [1], { inPlace: [0] })], [0], [1]),
      invalid,
      'differ in size',
    ],
    'in place over a view of itself': [
      plan(
        [tensor(), tensor(), tensor([4], { base: 1, offset: 0 }), tensor([4], { base: 1, offset: 0 })],
        [node('copy', [0], [3]), node('copy', [2], [1], { inPlace: [0] })],
        [0],
        [1],
      ),
      invalid,
      'a part of itself',
    ],
    'a gate of floats': [
      plan([tensor([1]), tensor([1])], [copy], [0], [1], { gate: 1 }),
      invalid,
      'i32 [1] for the gate',
    ],
    'a gate that is no tensor': [plan(pair, [copy], [0], [1], { gate: 44 }), invalid, 'the gate'],
  };

  test.each(Object.entries(cases))('%s', async (_, [description, code, text]) => {
    const owner = device.createState(bytes);
    const compiling = device.compile(description, owner);
    await expect(compiling).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
    owner.dispose();
  });

  test('State without a State', async () => {
    await expect(device.compile(state({}), null)).rejects.toThrow('Expected a State for this plan');
  });

  test('deep chains and long plans do not exhaust the stack', async () => {
    const count = 20_000;
    const chain = Array.from({ length: count }, (_, i) => tensor([4], i === 0 ? {} : { base: i - 1, offset: 0 }));
    await expect(device.compile(plan(chain, [], [0], [count - 1]), null)).rejects.toThrow('at most 64 bases');
    const tensors = Array.from({ length: count }, () => tensor());
    const nodes = tensors.slice(1).map((_, i) => node('copy', [i], [i + 1], { inPlace: [0] }));
    const compiled = await device.compile(plan(tensors, nodes.reverse().reverse(), [0], [count - 1]), null);
    expect(compiled.arenaBytes).toBe(256);
    compiled.dispose();
  });

  test('descriptions with one wrong value anywhere never crash', async () => {
    const good = () =>
      plan(
        [
          tensor([2, 2, 2, 6]),
          tensor([2, 2, 2, 4], { base: 0, offset: 1 }),
          tensor([2, 2, 2, 4]),
          tensor([8], { base: 2, offset: 3 }),
          tensor([8], { arena: 'gradients', byteOffset: 16 }),
          tensor([1], { dtype: 'i32' }),
          tensor([8], { data: new Float32Array(8) }),
          tensor([8], { arena: 'parameters', byteOffset: 0 }),
          tensor([8]),
        ],
        [
          node('copy', [1], [2]),
          node('add', [3, 6, -1], [8], { inPlace: [0] }),
          node('copy', [8], [4]),
          node('isNegative', [4], [5]),
          node('slow', [4], [9], { attributes: int32(0) }),
          node('assign', [5, 7, 8], []),
        ],
        [0],
        [2, 8, 9],
        { gate: 5, poison: true },
      );
    const original = good();
    original.tensors.push(tensor([8]));
    original.nodes[1]!.inPlace = [-1];
    const owner = device.createState(bytes);
    await (await device.compile(original, owner)).run([value(...Array(48).fill(1))], 2);
    const values = [-1, 0, 1, 2, 3, 5, 8, 64, 0.5, 1e9, 2 ** 31, 2 ** 53, -5, Number.NaN, '', 'f32', 'i32', 'u8'];
    const odd: unknown[] = [
      ...values,
      'gradients',
      'copy',
      'add',
      null,
      undefined,
      true,
      [],
      {},
      [1],
      new Float32Array(3),
    ];
    const random = new Philox(11, 3);
    const pick = <T>(list: readonly T[]): T => list[random.uint32() % list.length]!;
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const description = structuredClone(original) as Any;
      let at = description;
      for (;;) {
        const keys = ArrayBuffer.isView(at) ? [] : Object.keys(at);
        if (keys.length === 0) break;
        const key = pick(keys);
        if (typeof at[key] === 'object' && at[key] !== null && random.uint32() % 5 > 0) {
          at = at[key];
          continue;
        }
        at[key] = pick(odd);
        break;
      }
      try {
        const compiled = await device.compile(description, owner);
        await compiled.run([value(...Array(48).fill(1))], 1).catch((error) => expect(error.code).toMatch(/^ERR_/));
        compiled.dispose();
      } catch (error) {
        expect((error as Any).code).toMatch(/^ERR_/);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(500);
    owner.dispose();
  });
});
