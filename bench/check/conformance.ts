/**
 * Section "conformance": compares every test case with the float64 references, in every precision, with plain and fused plans,
 * launched kernel by kernel and replayed.
 */
import { table } from '../../lib/report/textTable';
import { caseTable } from '../../test/cases';
import type { Case } from '../../test/cases/problem';
import { checkOp, hasImages, type Mode, modes } from '../../test/check';
import { type Context, ofKind, type Row, type Section } from './section';

interface CaseRow extends Row {
  readonly kind: 'case';
  readonly group: string;
  readonly name: string;
  readonly precision: string;
  readonly mode: Mode;
  readonly replayed: boolean;
  /** Largest error divided by the allowed error; 1 is the limit. */
  readonly ratio: number;
}

/** Groups whose cases call cuDNN; `ownKernels` leaves them out. */
const ofLibraries = new Set(['convolution', 'linear', 'block']);

export const conformance: Section = {
  name: 'conformance',
  about: 'every test case compared with the float64 references',
  seconds: 130,
  run: async (context) => {
    const { options, precisions, device } = context;
    const groups = Object.entries(caseTable).filter(([group]) => !(options.ownKernels && ofLibraries.has(group)));
    const all = groups.flatMap(([group, cases]) => cases.map((testCase) => ({ group, testCase })));
    const chosen = all.filter(({ testCase }) => testCase.name.includes(options.cases));
    const captures = device.backend === 'cuda';
    for (const precision of precisions) {
      // The other precisions change images only, so cases without images would be f32 again.
      const cases = chosen.filter(({ testCase }) => precision === 'f32' || hasImages(testCase));
      for (const [index, { group, testCase }] of cases.entries()) {
        if (context.left() < 2) {
          context.skip(`${cases.length - index} of ${cases.length} cases in ${precision}: no time left`);
          break;
        }
        for (const mode of modes)
          for (const replayed of captures ? [false, true] : [false]) {
            await checkCase(context, { group, testCase, precision, mode, replayed });
          }
      }
    }
  },
  format: (rows) => {
    const groups = new Map<string, CaseRow[]>();
    for (const row of ofKind<CaseRow>(rows, 'case')) {
      const key = [row.group, row.precision].join(' ');
      groups.set(key, [...(groups.get(key) ?? []), row]);
    }
    const cells = [...groups.values()].map((group) => {
      const [first] = group as [CaseRow];
      const failed = group.filter((row) => row.failed !== undefined).length;
      const worst = Math.max(...group.map(({ ratio }) => ratio));
      return [first.group, first.precision, String(group.length - failed), String(failed), worst.toFixed(3)];
    });
    return table(['cases', 'precision', 'passed', 'failed', 'largest error / allowed'], cells);
  },
};

async function checkCase(
  { device, record }: Context,
  {
    group,
    testCase,
    ...how
  }: { group: string; testCase: Case; precision: Context['precisions'][number]; mode: Mode; replayed: boolean },
): Promise<void> {
  const row = { kind: 'case', group, name: testCase.name, ...how } as const;
  try {
    // Plain plans take the first kernel and fused plans the fastest, so that both ways of choosing are checked.
    const { ratio } = await checkOp(testCase, { device, ...how, autotune: how.mode === 'fused' });
    record({ ...row, ratio });
  } catch (error) {
    record({ ...row, ratio: 0, failed: (error as Error).message });
  }
}
