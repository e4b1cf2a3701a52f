/** A State: which parameters it may hold, when it makes their values, and the order in which updates read and write. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { evaluate } from '../../lib/compile/evaluate';
import { Graph } from '../../lib/compile/graph';
import { add } from '../../lib/ops/channels';
import { assign } from '../../lib/ops/update';
import { openDevice } from '../../lib/runtime/device';
import { Parameter, State, StateBuffer } from '../../lib/tensor/state';
import { constant } from '../../lib/tensor/tensor';

const device = openDevice('cpu');

const parameter = (name: string, ...values: number[]) =>
  new Parameter({ name, shape: [values.length], decay: true, initialize: () => Float32Array.from(values) });

describe('a constructor that fails', () => {
  const [bound, free] = [parameter('bound', 1), parameter('free', 2)];
  const owner = new State([bound]);

  test.each([
    ['for a parameter of another State', [free, bound], /"bound" already belongs/],
    ['for two parameters of one name', [free, parameter('free', 3)], /different names/],
    ['for the same parameter twice', [free, free], /different names/],
    ['for what is no parameter', [free, {} as Parameter], /Parameters/],
  ])('%s binds nothing', (_, parameters, message) => {
    expect(() => new State(parameters)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    );
    expect(free.state).toBeNull();
    expect(bound.state).toBe(owner);
  });

  test('leaves the parameters to the next', () => {
    const next = new State([free]);
    expect(free.state).toBe(next);
  });
});

describe('values that cannot be made', () => {
  test('because an initializer fails: the next attempt may succeed', async () => {
    let length = 3;
    const weight = new Parameter({
      name: 'weight',
      shape: [2],
      decay: true,
      initialize: () => new Float32Array(length).fill(5),
    });
    const state = new State([weight]);
    const attempt = async () => {
      await state.on(device);
      return state.read(weight);
    };
    for (let round = 0; round < 2; round++) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(/Float32Array of 2 for initial values of "weight".*3/),
      });
    }
    length = 2;
    expect(await attempt()).toEqual(Float32Array.of(5, 5));
    state.dispose();
  });

  test('on one device: another may do', async () => {
    const weight = parameter('weight', 1, 2);
    const state = new State([weight]);
    const gone = openDevice('cpu', { threads: 1 });
    gone.dispose();
    await expect(state.on(gone)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    await state.on(device);
    expect(await state.read(weight)).toEqual(Float32Array.of(1, 2));
    state.dispose();
  });
});

test('assign swaps two parameters: each update reads the old values', async () => {
  const [a, b] = [parameter('a', 1, 2), parameter('b', 3, 4)];
  const state = new State([a, b]);
  const updates = [assign(a, b), assign(b, a)];
  for (const [index, passes] of [undefined, []].entries()) {
    const plan = await compile(Graph.from({ outputs: {}, updates }), { device, ...(passes && { passes }) });
    await plan.run();
    const [first, second] = index === 0 ? [b, a] : [a, b];
    expect(await state.read(first)).toEqual(Float32Array.of(1, 2));
    expect(await state.read(second)).toEqual(Float32Array.of(3, 4));
    plan.dispose();
  }
  state.dispose();
});

describe('buffers of a State', () => {
  test('may begin with values of their own, which are copied', async () => {
    const values = Float32Array.of(1, 2, 3);
    const buffer = new StateBuffer({ name: 'mean', shape: [3], values });
    values.fill(9);
    const state = new State([parameter('w', 1)], { buffers: [buffer], device: 'cpu' });
    expect([...(await state.read(buffer))]).toEqual([1, 2, 3]);
    state.dispose();
    expect(() => new StateBuffer({ name: 'mean', shape: [4], values })).toThrow(
      'Expected 4 numbers for values of mean but received 3',
    );
  });

  test('begin at their initial value, are written by assign and read by evaluate', async () => {
    const weight = parameter('weight', 1, 2);
    const mean = new StateBuffer({ name: 'mean', shape: [3] });
    const variance = new StateBuffer({ name: 'variance', shape: [20], initial: 1 });
    const state = new State([weight], { buffers: [mean, variance] });
    await state.on(device);
    expect(await state.read(variance)).toEqual(new Float32Array(20).fill(1));
    const plan = await compile(
      Graph.from({
        outputs: {},
        updates: [assign(mean, constant([1, 2, 3])), assign(variance, add(variance, variance))],
      }),
      { device },
    );
    await plan.run({}, { steps: 2 });
    expect(await state.read(mean)).toEqual(Float32Array.of(1, 2, 3));
    expect(await state.read(variance)).toEqual(new Float32Array(20).fill(4));
    expect(await evaluate(add(mean, mean), { device })).toEqual(Float32Array.of(2, 4, 6));
    expect((await state.readArena('buffers')).byteLength).toBe(64 + 64 + 128);
    await state.write(mean, Float32Array.of(7, 8, 9));
    expect(await state.read(mean)).toEqual(Float32Array.of(7, 8, 9));
    plan.dispose();
    state.dispose();
  });

  test('belong to one State, under a name of their own', () => {
    const buffer = new StateBuffer({ name: 'a', shape: [1] });
    expect(() => new State([parameter('a', 1)], { buffers: [buffer] })).toThrow('different names');
    new State([parameter('b', 1)], { buffers: [buffer] });
    expect(() => new State([parameter('c', 1)], { buffers: [buffer] })).toThrow('StateBuffer "a" already belongs');
  });
});
