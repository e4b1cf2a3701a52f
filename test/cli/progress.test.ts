/** The lines and the bar that a training shows on a terminal. */
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createProgress } from '../../lib/cli/terminal/progress';
import type { EpochEvent } from '../../lib/optim/metric';
import type { StepEvent } from '../../lib/train/events';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const step = (number: number): StepEvent => ({
  ...{ event: 'step', step: number, epoch: 1, loss: 2, accuracy: 0.1 },
  ...{ gradientNorm: 1, learningRate: 0.01, imagesPerSecond: 100 },
});

const epoch: EpochEvent = {
  ...{ event: 'epoch', epoch: 1, step: 10, complete: true, trainLoss: 2, trainAccuracy: 0.1 },
  ...{ testLoss: 2, testAccuracy: 0.1, testTop5: 0.2, learningRate: 0.01, imagesPerSecond: 100 },
};

test('the time that is left is that of the whole run, also right after an epoch', () => {
  let text = '';
  const write = (data: string) => {
    text += data;
    return true;
  };
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 200, cursorTo() {}, clearLine() {}, write });
  const progress = createProgress({
    ...{ steps: 100, done: 0, stepsPerEpoch: 10, json: false },
    stream: stream as unknown as NodeJS.WriteStream,
  });
  for (let done = 1; done <= 10; done++) {
    vi.advanceTimersByTime(1000);
    progress.show(step(done));
  }
  progress.show(epoch);
  const bars = text.slice(text.indexOf('epoch 1/10'));
  expect(text).toContain('- left');
  expect(bars).toContain('step 10/100 · loss 2.000 · 100 images/s · 90 s left');
  expect(text).not.toMatch(/\b0 ?s left/);
  progress.stop();
});
