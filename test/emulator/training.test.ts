/** Compares twenty steps of a narrow inception33 on the emulated GPU, replayed as a graph, with those on the CPU. */
import { describe, expect, test } from 'vitest';
import { type RunCase, withRun } from '../../bench/check/training';
import { openDevice, type Precision } from '../../lib/runtime/device';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

const steps = 20;
const what: Omit<RunCase, 'precision'> = {
  model: 'inception33',
  width: 0.1,
  batch: 2,
  replay: true,
  learningRate: 0.01,
};
/** Largest allowed difference of a loss. In f32 the orders of sums differ; halves also round every image. */
const allowed: readonly (readonly [Precision, number])[] = [
  ['f32', 1e-3],
  ['bf16', 1.6e-2],
];

describe.skipIf(!isEmulated)(isEmulated ? 'training on the emulated GPU' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  process.env.SATURNN_EMULATOR_ORDER = '7';
  const cpu = withRun(openDevice('cpu'), { ...what, precision: 'f32' }, (run) => run.run(steps));

  test.each(allowed)('%s follows the CPU', async (precision, most) => {
    const expected = await cpu;
    const losses = await withRun(openDevice('cuda'), { ...what, precision }, (run) => run.run(steps));
    expect(losses).toHaveLength(steps);
    // The loss must have changed, otherwise nothing was trained.
    expect(Math.abs((expected[steps - 1] as number) - (expected[0] as number))).toBeGreaterThan(1e-3);
    losses.forEach((loss, step) => {
      expect(Math.abs(loss / (expected[step] as number) - 1)).toBeLessThan(most);
    });
  });
});
