/** Defines the conformance tests: one per case, backend, precision and mode. Tests of a backend that is absent are skipped. */
import { describe, test } from 'vitest';
import { backends } from '../backends';
import type { Case } from '../cases/problem';
import { checkOp, hasImages, modes } from '../check';
import { deal } from '../random';

export function conformance(cases: readonly Case[]): void {
  for (const { name, device, reason } of backends()) {
    if (!device) {
      // The name puts the reason into every report, and no test of this backend counts as passed.
      test.skip(`${name}: NOT RUN, ${cases.length} cases: ${reason}`, () => {});
      continue;
    }
    // In f32 every case runs in both modes; in other precisions each case runs in one of them.
    const ways = device.precisions.flatMap((precision) => {
      const dealt = deal(cases.filter(hasImages), modes.length);
      return modes.map((mode, i) => ({ precision, mode, chosen: precision === 'f32' ? cases : (dealt[i] ?? []) }));
    });
    for (const { precision, mode, chosen } of ways) {
      if (chosen.length === 0) continue;
      describe(`${name}, ${precision}, ${mode}`, () => {
        for (const testCase of chosen) {
          test(testCase.name, async () => {
            await checkOp(testCase, { device, mode, precision });
          });
        }
      });
    }
  }
}
