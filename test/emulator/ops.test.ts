/**
 * The conformance suite on the emulated GPU. The threads of a block run in one order in the plain plans and in another in
 * the fused ones, so that what depends on the order is seen. In f32 a case runs one of the ways, those of several ops both; TF32
 * concerns convolutions alone; halves share all code but their conversions, so each case takes one of them, and one of the ways.
 */
import { describe, expect, test } from 'vitest';
import { openDevice, type Precision } from '../../lib/device';
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
const convolutions = [...(caseTable.convolution ?? []), ...(caseTable.block ?? [])];

function halves(): Group[] {
  const ways = (['bf16', 'fp16'] as const).flatMap((precision) => modes.map((mode) => ({ precision, mode })));
  const dealt = deal(all.filter(hasImages), ways.length);
  return ways.map((way, i) => ({ ...way, cases: dealt[i] ?? [] }));
}

/** What passes may change runs both ways. */
const composed = new Set(caseTable.block);
const dealt = deal(all, modes.length);

const groups: readonly Group[] = [
  ...modes.map((mode, i) => {
    const chosen = new Set(dealt[i]);
    return { precision: 'f32', mode, cases: all.filter((one) => chosen.has(one) || composed.has(one)) } as const;
  }),
  { precision: 'tf32', mode: 'fused', cases: convolutions },
  ...halves(),
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
