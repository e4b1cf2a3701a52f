/** No graph leads to these plans: a copy between parts of one buffer that overlap, and windows too large to number their pixels. */
import { expect, test } from 'vitest';
import { openDevice } from '../../lib/runtime/device';
import type { PlanDescription } from '../../lib/runtime/native';
import { assign, int32, node, plan, tensor, value } from './support';

const device = openDevice('cpu', { threads: 2 }).native;

// Many times the size of a chunk that one thread copies.
const count = 100_000;
const bytes = { parameters: 4 * count + 256, optimizer: 256, gradients: 256, buffers: 256 };

test.each([
  ['forwards', 0, 64],
  ['backwards', 64, 0],
])('a part of the State is moved %s over itself as if through a copy', async (_, from, to) => {
  const state = device.createState(bytes);
  const before = Float32Array.from({ length: count + 64 }, (_, i) => i);
  await state.write('parameters', 0, before);
  const at = (byteOffset: number) => tensor([count], { arena: 'parameters', byteOffset });
  const moving = await device.compile(plan([at(4 * to), at(4 * from)], [assign(-1, 0, 1)], [], []), state);
  await moving.run([], 1);
  const after = before.slice();
  after.copyWithin(to, from, from + count);
  const found = new Float32Array(await state.read('parameters', 0, 4 * (count + 64)));
  expect(found.findIndex((value, i) => value !== after[i])).toBe(-1);
  moving.dispose();
  state.dispose();
});

test('the maximum of a window of 70,000 x 70,000 pixels', async () => {
  const [kernel, pad] = [70_000, 69_998];
  const attributes = int32(kernel, kernel, kernel, kernel, pad, pad, 0);
  const description: PlanDescription = plan(
    [tensor([1, 3, 2, 1]), tensor([1, 1, 1, 1])],
    [node('maxPool', [0], [1, -1], { attributes })],
    [0],
    [1],
  );
  const pooling = await device.compile(description, null);
  const { outputs } = await pooling.run([value(1, 2, 8, 4, 5, 6)], 1);
  expect(outputs).toEqual([Float32Array.of(8)]);
  pooling.dispose();
});
