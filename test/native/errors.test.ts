/**
 * No value that JavaScript passes may crash the process: every fault is an Error with a code, whose message names the
 * argument.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadAddon } from '../../lib/runtime/addon';
import type { NativeDevice } from '../../lib/runtime/native';
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

// For values that the types forbid.
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

describe('exceptions of C++', () => {
  const compiled = (op: string, kind: number) =>
    device.compile(plan([tensor(), tensor()], [node(op, [0], [1], { attributes: int32(kind) })], [0], [1]), null);
  const outOfMemory = { code: 'ERR_OUT_OF_MEMORY', message: 'Out of memory on the host' };
  const internal = { code: 'ERR_INTERNAL', message: 'an exception of the library' };
  const unknown = { code: 'ERR_INTERNAL', message: 'an exception of unknown type' };

  test.each([
    [0, { code: 'ERR_FAKE', message: 'an Error has a code' }],
    [1, outOfMemory],
    [2, internal],
    [3, unknown],
  ])('kind %d that a backend catches, with the names of the op and the node', async (kind, { code, message }) => {
    const wanted = { code, message: `[throws] ${message} (the throws)` };
    await expect(compiled('throws', kind)).rejects.toMatchObject(wanted);
  });

  test('one that leaves a backend has the same code in a promise, a resource and a call that waits', async () => {
    await expect(compiled('leaks', 1)).rejects.toMatchObject(outOfMemory);
    await expect(compiled('leaks', 2)).rejects.toMatchObject(internal);
    await expect(compiled('leaks', 3)).rejects.toMatchObject(unknown);
    const buffer = device.upload(new Uint8Array(4242));
    const reader = await device.compile(plan([tensor([4242], { dtype: 'u8' })], [], [0], [0]), null);
    await expect(reader.run([{ data: buffer, perStep: false }], 1)).rejects.toMatchObject(internal);
    for (const it of [reader, buffer]) it.dispose();
    expect(failure(() => loadAddon().openDevice(options(library, { index: 2 })))).toMatchObject(internal);
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
    await expect(compiled.trace([value(1, 2, 3, 4)], false, false)).rejects.toMatchObject(disposed);
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
