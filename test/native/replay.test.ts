/**
 * Replaying many steps as a captured graph gives the same results as running them one by one, also if inputs change or a
 * step stops the run.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NativeDevice, PlanDescription, RunInput } from '../../lib/runtime/native';
import { alive, assign, Fakes, node, open, plan, tensor, until, value } from './support';

const fakes = new Fakes();
const library = fakes.backend();
let device: NativeDevice;
beforeAll(() => {
  device = open(library);
});
afterAll(async () => {
  device.dispose();
  await until(() => alive(library).devices === 0);
  // Captured graphs are destroyed with their plans.
  expect(alive(library)).toEqual({ devices: 0, kernels: 0, graphs: 0, bytes: 0 });
  fakes.remove();
});

const perStep = (...values: number[]): RunInput => ({ data: new Float32Array(values), perStep: true });
const noBytes = { parameters: 0, optimizer: 0, gradients: 0, buffers: 0 };

/**
 * Describes a plan with parameters += input, unless the first element of the sum is negative. Outputs: the parameters
 * that the step has read, and the sum.
 */
const accumulate = (more: Partial<PlanDescription> = {}): PlanDescription =>
  plan(
    [tensor(), tensor([4], { arena: 'parameters', byteOffset: 0 }), tensor(), tensor([1], { dtype: 'i32' })],
    [node('add', [0, 1], [2]), node('isNegative', [2], [3]), assign(3, 1, 2)],
    [0],
    [1, 2],
    { gate: 3, ...more },
  );

/** Runs a plan several times. @returns the results, and the parameters after all runs */
async function results(description: PlanDescription, runs: readonly (readonly [RunInput, number])[]) {
  const state = device.createState({ ...noBytes, parameters: 16 });
  await state.write('parameters', 0, new Float32Array([1, 2, 3, 4]));
  const compiled = await device.compile(description, state);
  const all = [];
  for (const [input, steps] of runs) all.push(await compiled.run([input], steps));
  const parameters = Array.from(new Float32Array(await state.read('parameters', 0, 16)));
  for (const it of [compiled, state]) it.dispose();
  return { all, parameters };
}

describe.each([
  ['the same input in every step', [[value(1, 1, 1, 1), 5]]],
  ['an input per step', [[perStep(1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3), 3]]],
  ['runs of one step', Array.from({ length: 4 }, (_, i) => [value(i, 1, 1, 1), 1] as const)],
  ['the gate closes in the first step', [[perStep(-9, 0, 0, 0, 1, 1, 1, 1), 2]]],
  ['the gate closes in a later step, and opens again', [[perStep(1, 1, 1, 1, 1, 1, 1, 1, -9, 0, 0, 0, 5, 5, 5, 5), 4]]],
  [
    'a run after one that was stopped',
    [
      [perStep(1, 0, 0, 0, -9, 0, 0, 0, 7, 7, 7, 7), 3],
      [value(2, 2, 2, 2), 3],
    ],
  ],
  // A chunk has 64 MiB of inputs and results, which is 4096 steps here.
  ['more steps than one chunk has', [[value(1, 0, 0, 0), 5000]]],
] as const)('%s', (_, runs) => {
  test('gives what single launches give', async () => {
    const direct = await results(accumulate(), runs);
    expect(await results(accumulate({ replay: true }), runs)).toEqual(direct);
    expect(direct.parameters).not.toEqual([1, 2, 3, 4].map((v) => v - 1));
  });
});

test('the gate closes in the second chunk: the steps of both count', async () => {
  const steps = 4200;
  const inputs = perStep(
    ...Array.from({ length: steps }, (_, i) => (i === 4150 ? [-1e6, 0, 0, 0] : [1, 0, 0, 0])).flat(),
  );
  const { all, parameters } = await results(accumulate({ replay: true }), [[inputs, steps]]);
  expect(all[0]?.steps).toBe(4150);
  expect(all[0]?.outputs[0]).toHaveLength(4 * 4151);
  expect(parameters).toEqual([4151, 2, 3, 4]);
});

test('a closed gate closes what the updates are behind, also where that is another flag', async () => {
  // Updates are skipped if the second part of the input is negative; the run ends if the first part is.
  const description = (replay: boolean) =>
    plan(
      [
        tensor(),
        tensor([4], { arena: 'parameters', byteOffset: 0 }),
        tensor(),
        tensor([1], { dtype: 'i32' }),
        tensor([1], { dtype: 'i32' }),
        tensor([2], { base: 0, offset: 2 }),
      ],
      [node('add', [0, 1], [2]), node('isNegative', [0], [3]), node('isNegative', [5], [4]), assign(4, 1, 2)],
      [0],
      [2],
      { gate: 3, skip: 4, replay },
    );
  const [good, skipped, ending] = [
    [1, 1, 1, 1],
    [1, 1, -1, 1],
    [-1, 1, 1, 1],
  ];
  const run = [[perStep(...([good, good, skipped, good, ending, good].flat() as number[])), 6]] as const;
  const direct = await results(description(false), run);
  expect(direct.all[0]?.steps).toBe(4);
  expect(direct.parameters).toEqual([4, 5, 6, 7]);
  expect(await results(description(true), run)).toEqual(direct);
});

test('a resident input that is another one in the next run', async () => {
  const compiled = await device.compile(
    plan([tensor(), tensor(), tensor()], [node('add', [0, 1], [2])], [0, 1], [2], { replay: true }),
    null,
  );
  const [one, two] = [device.upload(new Float32Array([1, 1, 1, 1])), device.upload(new Float32Array([2, 2, 2, 2]))];
  for (const [resident, sum] of [
    [one, 11],
    [two, 12],
    [one, 11],
  ] as const) {
    const { outputs } = await compiled.run([{ data: resident, perStep: false }, value(10, 10, 10, 10)], 2);
    expect(Array.from(outputs[0] as Float32Array)).toEqual(Array(8).fill(sum));
  }
  for (const it of [one, two, compiled]) it.dispose();
});

test('a kernel that refuses to be recorded: its error, and the device goes on', async () => {
  const description = plan([tensor(), tensor()], [node('refuse', [0], [1])], [0], [1], { replay: true });
  const compiled = await device.compile(description, null);
  for (let i = 0; i < 2; i++) {
    await expect(compiled.run([value(1, 2, 3, 4)], 2)).rejects.toMatchObject({ code: 'ERR_FAKE_LAUNCH' });
  }
  compiled.dispose();
  const { all } = await results(accumulate({ replay: true }), [[value(1, 1, 1, 1), 3]]);
  expect(all[0]?.steps).toBe(3);
});
