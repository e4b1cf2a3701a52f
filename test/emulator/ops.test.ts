/**
 * The conformance suite on the emulated GPU: every case, plain and fused. The threads of a block run in one order in the
 * plain plans and in another in the fused ones, so that what depends on the order is seen.
 */
import { describe, expect, test } from 'vitest';
import { type Device, openDevice, type Precision } from '../../lib/device';
import { caseTable } from '../cases';
import type { Case } from '../cases/problem';
import { checkOp, hasImages, type Mode, modes } from '../check';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

const orders: Readonly<Record<Mode, string>> = { plain: 'reverse', fused: '7' };

interface Group {
  readonly precision: Precision;
  readonly mode: Mode;
  readonly name: string;
  readonly cases: readonly Case[];
}

function groupsOf(device: Device): Group[] {
  return device.precisions.flatMap((precision) =>
    modes.flatMap((mode) =>
      Object.entries(caseTable).map(([name, cases]) => ({
        precision,
        mode,
        name,
        cases: precision === 'f32' ? cases : cases.filter(hasImages),
      })),
    ),
  );
}

describe.skipIf(!isEmulated)(isEmulated ? 'the emulated GPU' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  const device = openDevice('cuda');

  test('is what runs', () => expect(device.info.name).toBe('Emulated GPU'));

  for (const { precision, mode, name, cases } of groupsOf(device)) {
    if (cases.length === 0) continue;
    describe(`${name}, ${precision}, ${mode}`, () => {
      for (const testCase of cases) {
        test(testCase.name, async ({ skip }) => {
          process.env.SATURNN_EMULATOR_ORDER = orders[mode];
          const { missing } = await checkOp(testCase, { device, mode, precision });
          if (missing.length > 0) skip(`NOT RUN: no kernel for ${missing.join(', ')}`);
        });
      }
    });
  }
});
