/** Runs and traces that are ended early, and limits on the steps of a run. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadAddon } from '../../lib/runtime/addon';
import type { NativeDevice } from '../../lib/runtime/native';
import { assign, Fakes, int32, node, open, perStep, plan, slowPlan, tensor, value } from './support';

const fakes = new Fakes();
let device: NativeDevice;
beforeAll(() => {
  device = open(fakes.backend());
});
afterAll(() => {
  device.dispose();
  fakes.remove();
});

const interrupted = { code: 'ERR_INTERRUPTED' };

/** A plan whose step adds the input to the first four parameters, after a kernel of a millisecond. */
const counting = (more = {}) =>
  plan(
    [tensor(), tensor(), tensor([4], { arena: 'parameters', byteOffset: 0 }), tensor()],
    [node('slow', [0], [1], { attributes: int32(1) }), node('add', [1, 2], [3]), assign(-1, 2, 3)],
    [0],
    [],
    more,
  );

async function withState(
  body: (read: () => Promise<number[]>, state: ReturnType<NativeDevice['createState']>) => Promise<void>,
) {
  const state = device.createState({ parameters: 16, optimizer: 0, gradients: 0, buffers: 0 });
  await body(async () => Array.from(new Float32Array(await state.read('parameters', 0, 16))), state);
  state.dispose();
}

test.each([false, true])('a run ends early, after a whole step (replay: %s)', (replay) =>
  withState(async (read, state) => {
    const compiled = await device.compile(counting({ replay }), state);
    const cancellation = loadAddon().createCancellation();
    const running = compiled.run([value(1, 1, 1, 1)], 1_000_000, cancellation);
    setTimeout(() => cancellation.cancel(), 20);
    await expect(running).rejects.toMatchObject(interrupted);
    const [steps, ...others] = await read();
    expect(steps).toBeLessThan(1_000_000);
    expect(others).toEqual([steps, steps, steps]);
    // The device goes on.
    expect((await compiled.run([value(1, 1, 1, 1)], 2)).steps).toBe(2);
    expect((await read())[0]).toBe(steps! + 2);
    compiled.dispose();
  }),
);

test('a run that waits in the queue does not begin', () =>
  withState(async (read, state) => {
    const compiled = await device.compile(counting(), state);
    const slow = await device.compile(slowPlan(20, 2), null);
    const cancellation = loadAddon().createCancellation();
    const first = slow.run([value(1, 2, 3, 4)], 1);
    const second = compiled.run([value(1, 1, 1, 1)], 5, cancellation);
    cancellation.cancel();
    await expect(second).rejects.toMatchObject(interrupted);
    expect((await first).steps).toBe(1);
    expect(await read()).toEqual([0, 0, 0, 0]);
    for (const it of [compiled, slow]) it.dispose();
  }));

test('a trace ends between two kernels', async () => {
  const compiled = await device.compile(slowPlan(5, 2000), null);
  const cancellation = loadAddon().createCancellation();
  const tracing = compiled.trace([value(1, 2, 3, 4)], true, false, cancellation);
  setTimeout(() => cancellation.cancel(), 20);
  await expect(tracing).rejects.toMatchObject(interrupted);
  compiled.dispose();
});

test('a mistyped number of steps is refused before anything is allocated', async () => {
  const large = await device.compile(plan([tensor([2 ** 20])], [], [0], [0]), null);
  expect(large.mostSteps).toBe(256);
  const data = new Float32Array(2 ** 20);
  await expect(large.run([{ data, perStep: false }], 257)).rejects.toThrow(
    'Expected at most 256 steps for a run of this plan, whose outputs take 4194304 bytes in each, but received 257',
  );
  const small = await device.compile(plan([tensor()], [], [0], []), null);
  expect(small.mostSteps).toBe(1_000_000);
  await expect(small.run([value(1, 2, 3, 4)], 2 ** 31 - 1)).rejects.toThrow('an integer from 1 to 1000000');
  expect((await small.run([perStep(1, 2, 3, 4, 5, 6, 7, 8)], 2)).steps).toBe(2);
  for (const it of [large, small]) it.dispose();
});
