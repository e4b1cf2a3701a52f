/** Methods and getters on receivers of other classes, objects of other classes as arguments, and getters that dispose. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadAddon } from '../../lib/runtime/addon';
import type { NativeDevice, RunInput } from '../../lib/runtime/native';
import { Fakes, open, plan, slowPlan, tensor, value } from './support';

const fakes = new Fakes();
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

const bytes = { parameters: 1024, optimizer: 0, gradients: 64, buffers: 8 };
const identity = () => device.compile(plan([tensor()], [], [0], [0]), null);

async function objects(): Promise<object[]> {
  const made = [device, device.createState(bytes), device.upload(new Uint8Array(8)), await identity()];
  return [...made, await device.createLanding(8), loadAddon().createCancellation()];
}

describe('methods and getters', () => {
  test('refuse every receiver of another class', async () => {
    const own = await objects();
    const foreign = [{}, [], () => {}, new Uint8Array(8), new Proxy(device, {}), 1, null, undefined];
    let calls = 0;
    for (const it of own) {
      const others = [...own.filter((other) => other !== it), ...foreign, Object.create(it)];
      const members = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(it)));
      for (const [name, { get, value: method }] of members) {
        if (name === 'constructor') continue;
        for (const receiver of others) {
          calls++;
          expect(() => (get ?? method).call(receiver, 0, 0, 0), name).toThrow();
        }
      }
    }
    expect(calls).toBeGreaterThan(200);
  });

  test('name the class that they expected', () => {
    const state = device.createState(bytes);
    const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(device), 'info')!;
    expect(() => get!.call(state)).toThrow('Expected a NativeDevice for this but received an object');
    expect(() => get!.call(state)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
    state.dispose();
  });

  test('of a class that JavaScript cannot make', () => {
    const Class = device.constructor as new () => object;
    expect(() => new Class()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
    expect(() => new (class extends Class {})()).toThrow('Illegal constructor');
  });
});

describe('arguments', () => {
  test('of another class are refused', async () => {
    const compiled = await identity();
    for (const wrong of [device, device.createState(bytes), compiled, {}]) {
      const input = { data: wrong, perStep: false } as unknown as RunInput;
      await expect(compiled.run([input], 1)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      await expect(compiled.run([value(1, 2, 3, 4)], 1, wrong as never)).rejects.toThrow(
        'a NativeCancellation or null',
      );
    }
    const buffer = device.upload(new Uint8Array(8)) as never;
    await expect(device.compile(slowPlan(1, 1), buffer)).rejects.toThrow('a NativeState or null');
  });
});

describe('getters that dispose', () => {
  const disposing = (dispose: () => void, input: RunInput): RunInput => ({
    get perStep() {
      dispose();
      return input.perStep;
    },
    data: input.data,
  });

  test('of the plan in run() and trace()', async () => {
    for (const call of ['run', 'trace'] as const) {
      const compiled = await identity();
      const inputs = [disposing(() => compiled.dispose(), value(1, 2, 3, 4))];
      const result = call === 'run' ? compiled.run(inputs, 1) : compiled.trace(inputs, false, false);
      await expect(result).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    }
  });

  test('of a resident buffer that was read before', async () => {
    const compiled = await device.compile(plan([tensor(), tensor()], [], [0, 1], [0, 1]), null);
    const resident = device.upload(new Float32Array([1, 2, 3, 4]));
    const inputs = [{ data: resident, perStep: false }, disposing(() => resident.dispose(), value(1, 2, 3, 4))];
    await expect(compiled.run(inputs, 1)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    compiled.dispose();
  });

  test('of the memory of an array that was read before', async () => {
    const compiled = await device.compile(plan([tensor(), tensor()], [], [0, 1], [0, 1]), null);
    const array = new Float32Array([1, 2, 3, 4]);
    const transfer = () => structuredClone(array.buffer, { transfer: [array.buffer] });
    const inputs = [{ data: array, perStep: false }, disposing(transfer, value(1, 2, 3, 4))];
    await expect(compiled.run(inputs, 1)).rejects.toThrow('Expected 16 bytes');
    compiled.dispose();
  });

  test('of the device in createState() and compile()', async () => {
    const other = open(library);
    const sizes = {
      ...bytes,
      get optimizer() {
        other.dispose();
        return 0;
      },
    };
    expect(() => other.createState(sizes)).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }));
    const third = open(library);
    const description = {
      ...slowPlan(1, 1),
      get gate() {
        third.dispose();
        return -1;
      },
    };
    await expect(third.compile(description, null)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });
});
