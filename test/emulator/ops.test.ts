/**
 * The conformance suite on the emulated GPU. The threads of a block run in one order in the plain plans and in another in
 * the fused ones, so that what depends on the order is seen. In f32 a case runs one of the ways, those of several ops both; TF32
 * concerns convolutions alone; halves share all code but their conversions: each case takes one of these, and one of the ways.
 */
import { describe, expect, test } from 'vitest';
import { openDevice, type Precision } from '../../lib/runtime/device';
import { caseTable } from '../cases';
import type { Case } from '../cases/problem';
import { checkOp, hasImages, type Mode, modes } from '../check';
import { deal } from '../random';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

const orders: Readonly<Record<Mode, string>> = { plain: 'reverse', fused: '7' };

/** Candidates are timed with a cold cache, which is 256 MB of writes each. */
const tunedOfEvery = 64;

interface Group {
  readonly precision: Precision;
  readonly mode: Mode;
  readonly cases: readonly Case[];
}

const all = Object.values(caseTable).flat();
const halves = (['bf16', 'fp16'] as const).flatMap((precision) => modes.map((mode) => ({ precision, mode })));
/** What tf32 makes no difference to runs in halves only. */
const convolutions = new Set([...(caseTable.convolution ?? []), ...(caseTable.block ?? [])]);

/** A case runs in one of the ways that differ from f32. */
function lessThanF32(): Group[] {
  const ways = [...halves, { precision: 'tf32', mode: 'fused' } as const];
  const images = all.filter(hasImages);
  const dealtConvolutions = deal(
    images.filter((one) => convolutions.has(one)),
    ways.length,
  );
  const dealtOthers = deal(
    images.filter((one) => !convolutions.has(one)),
    halves.length,
  );
  return ways.map((way, i) => ({ ...way, cases: [...(dealtConvolutions[i] ?? []), ...(dealtOthers[i] ?? [])] }));
}

/** What passes may change runs both ways. */
const composed = new Set(caseTable.block);
const dealt = deal(all, modes.length);

const groups: readonly Group[] = [
  ...modes.map((mode, i) => {
    const chosen = new Set(dealt[i]);
    return { precision: 'f32', mode, cases: all.filter((one) => chosen.has(one) || composed.has(one)) } as const;
  }),
  ...lessThanF32(),
];

describe.skipIf(!isEmulated)(isEmulated ? 'the emulated GPU' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  const device = openDevice('cuda');

  test('is what runs', () => expect(device.info.name).toBe('Emulated GPU'));

  for (const { precision, mode, cases } of groups) {
    if (!device.precisions.includes(precision)) {
      test.skip(`${precision}, ${mode}: NOT RUN: the backend does not compute in ${precision}`, () => {});
      continue;
    }
    describe(`${precision}, ${mode}`, () => {
      for (const [index, testCase] of cases.entries()) {
        test(testCase.name, async ({ skip }) => {
          process.env.SATURNN_EMULATOR_ORDER = orders[mode];
          const { missing } = await checkOp(testCase, {
            device,
            mode,
            precision,
            autotune: index % tunedOfEvery === 0,
            replayed: mode === 'fused',
          });
          if (missing.length > 0) skip(`NOT RUN: no kernel for ${missing.join(', ')}`);
        });
      }
    });
  }
});
