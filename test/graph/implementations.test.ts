import { test } from 'vitest';
import { backends } from '../backends';
import { checkImplementations } from './implementations';

for (const { name, device, reason } of backends()) {
  if (!device) {
    test.skip(`${name}: NOT RUN: ${reason}`, () => {});
    continue;
  }
  for (const precision of device.precisions) {
    // In bf16 oneDNN's choice of a kernel depends on the amount of work, so the default batch size is checked too.
    const batches = precision === 'f32' ? [1, 3, 32] : [1, 3, 32, 128];
    checkImplementations({ device, precision, widths: [0.25, 0.5, 1], batches });
  }
}
