/** evaluate() keeps its plans for later calls, but disposes of those whose State or Device is disposed of. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { evaluate } from '../../lib/compile/evaluate';
import { add } from '../../lib/ops/channels';
import { loadAddon } from '../../lib/runtime/addon';
import { openDevice } from '../../lib/runtime/device';
import { State } from '../../lib/tensor/state';
import { constant, Parameter } from '../../lib/tensor/tensor';

const parameter = (name: string) =>
  new Parameter({ name, shape: [2], decay: true, initialize: () => Float32Array.of(1, 2) });

/** Returns the number of living plans, after all earlier requests are done. */
async function plans(): Promise<number> {
  await setImmediate();
  return loadAddon().counters().plans;
}

test('the plans of a State go with it, and no others', async () => {
  const before = await plans();
  const [weight, other] = [parameter('weight'), parameter('other')];
  const [state, stays] = [new State([weight]), new State([other])];
  for (const term of [10, 20]) {
    const sum = add(weight, constant([term, term]));
    expect(await evaluate(sum, { device: 'cpu' })).toEqual(Float32Array.of(1 + term, 2 + term));
    await evaluate(sum, { device: 'cpu' });
  }
  await evaluate(add(other, constant([1, 1])), { device: 'cpu' });
  expect(await plans()).toBe(before + 3);
  state.dispose();
  expect(await plans()).toBe(before + 1);
  await expect(evaluate(add(weight, constant([10, 10])), { device: 'cpu' })).rejects.toMatchObject({
    code: 'ERR_DISPOSED',
  });
  stays.dispose();
  expect(await plans()).toBe(before);
});

test('a plan that is still compiled when its State is disposed of goes, too', async () => {
  const before = await plans();
  const weight = parameter('weight');
  const state = new State([weight]);
  const evaluation = evaluate(add(weight, constant([1, 1])), { device: 'cpu' }).catch(({ code }) => code);
  state.dispose();
  expect(await evaluation).toBe('ERR_DISPOSED');
  expect(await plans()).toBe(before);
});

test('the plans of a Device go with it', async () => {
  const before = await plans();
  const device = openDevice('cpu', { threads: 1 });
  const three = () => evaluate(add(constant([1]), constant([2])), { device });
  expect(await three()).toEqual(Float32Array.of(3));
  expect(await plans()).toBe(before + 1);
  device.dispose();
  expect(await plans()).toBe(before);
  await expect(three()).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
});
