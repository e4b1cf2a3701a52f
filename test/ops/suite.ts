/** The conformance suite for vitest: one test per case, backend, precision and mode. An absent backend's tests are skipped, by name. */
import { describe, test } from 'vitest';
import { backends } from '../backends';
import type { Case } from '../cases/problem';
import { checkOp, hasImages, modes } from '../check';
import { deal } from '../random';

export function conformance(cases: readonly Case[]): void {
  for (const { name, device, reason } of backends()) {
    if (!device) {
      // The name carries the reason into every report; nothing of this backend is counted as passed.
      test.skip(`${name}: NOT RUN, ${cases.length} cases: ${reason}`, () => {});
      continue;
    }
    // In f32 a case runs plain and fused, in less one of the two.
    const ways = device.precisions.flatMap((precision) => {
      const dealt = deal(cases.filter(hasImages), modes.length);
      return modes.map((mode, i) => ({ precision, mode, chosen: precision === 'f32' ? cases : (dealt[i] ?? []) }));
    });
    for (const { precision, mode, chosen } of ways) {
      if (chosen.length === 0) continue;
      describe(`${name}, ${precision}, ${mode}`, () => {
        for (const testCase of chosen) {
          test(testCase.name, async ({ skip }) => {
            const { missing } = await checkOp(testCase, { device, mode, precision });
            if (missing.length > 0) skip(`NOT RUN: the ${name} backend has no kernel for ${missing.join(', ')}`);
          });
        }
      });
    }
  }
}
