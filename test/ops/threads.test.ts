/** Gradients of weights are summed by as many threads as the device has, in parts of the batch: also more than images. */
import { describe, test } from 'vitest';
import { type Device, openDevice } from '../../lib/device';
import { caseTable } from '../cases';
import { checkOp, modes } from '../check';

const cases = (caseTable.convolution ?? []).filter(({ covers }) => covers.includes('conv2dWgrad'));

describe.each([1, 3, 16])('the CPU with %i threads', (threads) => {
  const device: Device = openDevice('cpu', { threads });
  describe.each(device.precisions)('%s', (precision) => {
    test.each(cases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
      for (const mode of modes) await checkOp(one, { device, precision, mode });
    });
  });
});
