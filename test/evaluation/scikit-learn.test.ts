/** Metrics are those of scikit-learn, which record.py has recorded. */
import { expect, test } from 'vitest';
import { evaluatePredictions } from '../../lib/evaluation/evaluatePredictions';
import { draw } from './draw';
import recorded from './fixtures/scikit-learn.json';

/** Checks that numbers differ by 1e-6 at most. */
function expectEqual(actual: readonly (number | null)[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  const largest = Math.max(0, ...actual.map((value, index) => Math.abs(value! - expected[index]!)));
  expect(largest).toBeLessThan(1e-6);
}

test.each(recorded.cases)('$name', (record) => {
  const { labels, probabilities } = draw(record);
  const evaluation = evaluatePredictions({ labels, probabilities, bins: record.bins, mistakes: 20 });
  const { perClass, macro, weighted, calibration, mistakes } = evaluation;
  expect([evaluation.count, evaluation.classes]).toEqual([record.count, record.classes]);
  expectEqual([evaluation.loss], [record.loss]);
  expectEqual(evaluation.topK, record.topK);
  expect([evaluation.accuracy, evaluation.top5]).toEqual([evaluation.topK[0], evaluation.topK[4] ?? 1]);
  expect([...evaluation.confusion]).toEqual(record.confusion);
  for (const score of ['precision', 'recall', 'f1', 'support'] as const)
    expectEqual(
      perClass.map((of) => of[score]),
      record[score],
    );
  expectEqual([macro.precision, macro.recall, macro.f1], record.macro);
  expectEqual([weighted.precision, weighted.recall, weighted.f1], record.weighted);

  expect(calibration.bins.map(({ count }) => count)).toEqual(record.counts);
  const filled = calibration.bins.filter(({ count }) => count > 0);
  expectEqual(
    filled.map(({ accuracy }) => accuracy),
    record.accuracies,
  );
  expectEqual(
    filled.map(({ confidence }) => confidence),
    record.confidences,
  );
  expectEqual([calibration.ece, calibration.brier], [record.ece, record.brier]);
  expect(mistakes.map(({ index }) => index)).toEqual(record.mistakes);
});
