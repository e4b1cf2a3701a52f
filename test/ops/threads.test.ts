/** Checks results with different numbers of threads: weight gradients stay within tolerance, other sums keep their bits. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { type Device, openDevice } from '../../lib/runtime/device';
import { allCases, caseTable } from '../cases';
import type { Case } from '../cases/problem';
import { checkOp, modes } from '../check';
import { TestRandom, testSeed } from '../random';

/** Cases with weight gradients: each thread sums a part of the batch. There may be more threads than images. */
const gradients = (caseTable.convolution ?? []).filter(({ covers }) => covers.includes('conv2dWgrad'));

describe.each([1, 3, 16])('the CPU with %i threads', (threads) => {
  const device: Device = openDevice('cpu', { threads });
  describe.each(device.precisions)('%s', (precision) => {
    test.each(gradients.map((one, i) => [one.name, one, i] as const))('%s', async (_, one, i) => {
      await checkOp(one, { device, precision, mode: modes[(i + threads) % modes.length]! });
    });
  });
});

/** Ops whose sums are shared by several threads, in an order that depends only on the shape. */
const ordered = [
  'activationGradient',
  'batchNorm',
  'batchNormGradient',
  'finiteCheck',
  'moments',
  'randomizedReluGradient',
  'trustRatios',
];

describe.each(ordered)('%s gives the same bits on any number of threads', (op) => {
  const alone = ({ build }: Case) =>
    build(new TestRandom(testSeed)).graph.nodes.every((node) => node.op.isSource || ordered.includes(node.op.name));
  const cases = allCases.filter((one) => one.covers.includes(op) && alone(one));

  test(`${cases.length} cases`, async () => {
    // Checks that at least one case is large enough to be split between threads.
    let largest = 0;
    for (const { name, build } of cases) {
      const { graph, inputs } = build(new TestRandom(testSeed));
      largest = Math.max(largest, ...Object.values(inputs).map(({ length }) => length));
      const results = [];
      for (const threads of [1, 2, 3, 16]) {
        const plan = await compile(graph, { device: openDevice('cpu', { threads }) });
        const { outputs } = await plan.run(inputs);
        results.push(Object.values(outputs).map(({ buffer }) => Buffer.from(buffer).toString('base64')));
        plan.dispose();
      }
      for (const result of results) expect(result, `${name}, SATURNN_TEST_SEED=${testSeed}`).toEqual(results[0]);
    }
    expect(largest).toBeGreaterThan(2 * 8192);
  });
});
