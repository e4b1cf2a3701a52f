/**
 * An output may take the place of its input only if no other tensor shares the input's memory and no later node reads it,
 * also not by a view.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NativeDevice, PlanDescription } from '../../lib/runtime/native';
import { Fakes, node, open, plan, tensor, value } from './support';

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

const doubled = { inPlace: [0] };

async function run(description: PlanDescription, values: readonly number[], on = device): Promise<number[][]> {
  const compiled = await on.compile(description, null);
  const { outputs } = await compiled.run([value(...values)], 1);
  compiled.dispose();
  return outputs.map((output) => Array.from(output));
}

/** Describes a plan with base = x; half = part of base, doubled in place; sum = base + base. */
function viewed(shape: number[], part: number[], offset: number): PlanDescription {
  return plan(
    [tensor(shape), tensor(shape), tensor(part, { base: 1, offset }), tensor(part), tensor(shape)],
    [node('copy', [0], [1]), node('add', [2, 2], [3], doubled), node('add', [1, 1], [4])],
    [0],
    [3, 4],
    { poison: true },
  );
}

test('not over a part of what is read later: elements', async () => {
  expect(await run(viewed([6], [4], 2), [1, 2, 3, 4, 5, 6])).toEqual([
    [6, 8, 10, 12],
    [2, 4, 6, 8, 10, 12],
  ]);
});

test('not over a view that is all of what is read later', async () => {
  expect(await run(viewed([4], [4], 0), [1, 2, 3, 4])).toEqual([
    [2, 4, 6, 8],
    [2, 4, 6, 8],
  ]);
});

test('not over all channels of an image that is read later, plain or blocked', async () => {
  const values = Array.from({ length: 4 * 16 }, (_, i) => i);
  const twice = values.map((x) => 2 * x);
  for (const on of [device, blocked]) {
    expect(await run(viewed([1, 2, 2, 16], [1, 2, 2, 16], 0), values, on)).toEqual([twice, twice]);
  }
});

test('not over a view of a view, even if another view reads what they share', async () => {
  const description = plan(
    [
      tensor(),
      tensor(),
      tensor([4], { base: 1, offset: 0 }),
      tensor([4], { base: 2, offset: 0 }),
      tensor(),
      tensor([2], { base: 1, offset: 2 }),
      tensor([2]),
    ],
    [node('copy', [0], [1]), node('add', [3, 3], [4], doubled), node('add', [5, 5], [6])],
    [0],
    [4, 6],
    { poison: true },
  );
  expect(await run(description, [1, 2, 3, 4])).toEqual([
    [2, 4, 6, 8],
    [6, 8],
  ]);
});
