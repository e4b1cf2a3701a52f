/**
 * The conformance suite on the emulated GPU. Plain and fused plans run the threads of a block in different orders, so
 * that results which depend on the order are found. To save time not every case runs in every way: in f32 a case runs in
 * one mode, and in both if it has several ops. bf16, fp16 and tf32 share most code with each other, so a case runs in one
 * of them and one mode; tf32 is for convolutions only.
 */
import { describe, expect, test } from 'vitest';
import { openDevice, type Precision } from '../../lib/runtime/device';
import { caseTable } from '../cases';
import type { Case } from '../cases/problem';
import { checkOp, hasImages, type Mode, modes } from '../check';
import { deal } from '../random';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

const orders: Readonly<Record<Mode, string>> = { plain: 'reverse', fused: '7' };

/** One of this many cases is autotuned. Timing is slow, because it writes 256 MB before each candidate to clear the cache. */
const tunedOfEvery = 64;

interface Group {
  readonly precision: Precision;
  readonly mode: Mode;
  readonly cases: readonly Case[];
}

const all = Object.values(caseTable).flat();
const halves = (['bf16', 'fp16'] as const).flatMap((precision) => modes.map((mode) => ({ precision, mode })));
/** Cases to which tf32 makes a difference; the others run in bf16 or fp16. */
const convolutions = new Set([...(caseTable.convolution ?? []), ...(caseTable.block ?? [])]);

/** Assigns each case with images to one precision other than f32, and one mode. */
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

/** Cases of several ops, which passes may change; they run in both modes. */
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
        test(testCase.name, async () => {
          process.env.SATURNN_EMULATOR_ORDER = orders[mode];
          await checkOp(testCase, {
            device,
            mode,
            precision,
            autotune: index % tunedOfEvery === 0,
            replayed: mode === 'fused',
          });
        });
      }
    });
  }
});
