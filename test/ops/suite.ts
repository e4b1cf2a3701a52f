/** The conformance suite for vitest: one test per case, backend and mode. An absent backend's tests are skipped, by name. */
import { describe, test } from 'vitest';
import { backends } from '../backends';
import type { Case } from '../cases/problem';
import { checkOp, modes } from '../check';

export function conformance(cases: readonly Case[]): void {
  for (const { name, device, reason } of backends()) {
    if (!device) {
      // The name carries the reason into every report; nothing of this backend is counted as passed.
      test.skip(`${name}: NOT RUN, ${cases.length} cases: ${reason}`, () => {});
      continue;
    }
    for (const mode of modes) {
      describe(`${name}, ${mode}`, () => {
        for (const testCase of cases) {
          test(testCase.name, async ({ skip }) => {
            const { missing } = await checkOp(testCase, { device, mode });
            if (missing.length > 0) skip(`NOT RUN: the ${name} backend has no kernel for ${missing.join(', ')}`);
          });
        }
      });
    }
  }
}
