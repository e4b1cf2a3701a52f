import { describe, expect, test } from 'vitest';
import { mostConfused } from '../../lib/evaluation/confusion';
import { evaluatePredictions } from '../../lib/evaluation/evaluatePredictions';
import { nameOfClass } from '../../lib/evaluation/evaluation';
import { EvaluationSums } from '../../lib/evaluation/sums';
import { draw } from './draw';

/** Softmax in double precision, rounded to f32, of rows of logits. */
function softmax(logits: Float32Array, classes: number): Float32Array {
  const rows = Array.from({ length: logits.length / classes }, (_, row) => {
    const powers = Array.from(logits.subarray(row * classes, (row + 1) * classes), Math.exp);
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  });
  return Float32Array.from(rows.flat());
}

describe('evaluatePredictions()', () => {
  test('takes the class with the smaller index of equal probabilities', () => {
    const { topK, confusion, mistakes } = evaluatePredictions({
      probabilities: Float32Array.of(0.4, 0.4, 0.2, 0.25, 0.25, 0.5),
      labels: [1, 1],
      classNames: ['a', 'b', 'c'],
    });
    expect(topK).toEqual([0, 0.5, 1]);
    expect([...confusion]).toEqual([0, 0, 0, 1, 0, 1, 0, 0, 0]);
    // The second image is less probable; of the first one, guess and label are equally so.
    expect(mistakes.map(({ index, guess }) => [index, guess])).toEqual([
      [1, 2],
      [0, 0],
    ]);
  });

  test('leaves classes that never occur out of the macro average, and counts a quotient by 0 as 0', () => {
    const probabilities = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0);
    const { macro, weighted, perClass } = evaluatePredictions({ probabilities, labels: [0, 1, 2] });
    // Class 1 is right in 1 of 2 guesses, class 2 is never guessed, class 3 does not occur.
    expect(perClass.map(({ precision, recall, support }) => [precision, recall, support])).toEqual([
      [0.5, 1, 1],
      [0, 0, 1],
      [0, 0, 1],
      [0, 0, 0],
    ]);
    expect(macro).toEqual({ precision: 0.5 / 3, recall: 1 / 3, f1: 2 / 3 / 3 });
    expect(weighted).toEqual(macro);
  });

  test('bounds the loss of a probability of 0 as scikit-learn does', () => {
    const loss = (probabilities: Float32Array | Float64Array) =>
      evaluatePredictions({ probabilities, labels: [0] }).loss;
    expect(loss(Float32Array.of(0, 1))).toBeCloseTo(23 * Math.LN2, 12);
    expect(loss(Float64Array.of(0, 1))).toBeCloseTo(52 * Math.LN2, 12);
  });

  test.each([
    [{ labels: [] }, /at least one label for labels/],
    [{ labels: [0, 1, 0] }, 'Expected as many for each of the 3 labels for probabilities but received 4'],
    [{ labels: [0, 2] }, 'Expected an integer from 0 to 1 for labels[1] but received 2'],
    [{ labels: [0, -1] }, /labels\[1\] but received -1/],
    [{ labels: [0, 0.5] }, /labels\[1\] but received 0.5/],
    [{ classNames: ['a'] }, 'Expected 2 names, one per class, for classNames but received 1'],
    [
      { probabilities: Float32Array.of(0, 1, Number.NaN, 1) },
      /a number from 0 to 1 for probabilities\[2\] but received NaN/,
    ],
    [{ probabilities: Float32Array.of(0, 1, 0.5, 0.6) }, /add up to 1 for row 1 of probabilities/],
    [{ probabilities: [0, 1, 1, 0] }, /a Float32Array or Float64Array for probabilities/],
    [
      { labels: [0], probabilities: new Float64Array(20_000).fill(1 / 20_000) },
      'Expected at most 16384 for the number of classes but received 20000',
    ],
    [{ bins: 0 }, /an integer from 1 to 1000 for bins/],
    [{ mistakes: -1 }, /for mistakes but received -1/],
    [{ bin: 3 }, /evaluatePredictions\(\) has no option "bin": did you mean "bins"/],
  ])('refuses %o', (wrong, message) => {
    const right = { probabilities: Float32Array.of(1, 0, 0, 1), labels: [0, 1] };
    const evaluate = () => evaluatePredictions({ ...right, ...wrong } as never);
    expect(evaluate).toThrow(message);
    expect(evaluate).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  });
});

test('sums are the same however the images are divided', () => {
  const { labels, probabilities } = draw({ seed: 7, count: 100, classes: 4, present: 4, strength: 3 });
  const whole = evaluatePredictions({ labels, probabilities, mistakes: 7 });
  const sums = new EvaluationSums({ classes: 4, mistakes: 7 });
  for (let first = 0; first < 100; first += 13) {
    const part = labels.subarray(first, first + 13);
    sums.add({ labels: part, probabilities: probabilities.subarray(4 * first, 4 * (first + part.length)) });
  }
  expect(sums.result(null)).toEqual(whole);
  expect(new EvaluationSums({ classes: 4, mistakes: 0 }).count).toBe(0);
});

test('logits tell apart what probabilities round to the same number', () => {
  const logits = Float32Array.of(0, 120, 110, 0, 110, 120);
  const probabilities = softmax(logits, 3);
  const sums = new EvaluationSums({ classes: 3 });
  sums.add({ labels: [0, 1], probabilities, logits });
  const { loss, topK, mistakes } = sums.result(null);
  expect(loss).toBeCloseTo((120 + 10 + 2 * Math.log1p(Math.exp(-10))) / 2, 10);
  expect(topK).toEqual([0, 0.5, 1]);
  expect(mistakes.map(({ index }) => index)).toEqual([0, 1]);
});

test('pairs of classes are in the order of their images', () => {
  const probabilities = new Float64Array(3 * 6);
  const guesses = [1, 1, 2, 0, 1, 0];
  guesses.forEach((guess, row) => {
    probabilities[row * 3 + guess] = 1;
  });
  const evaluation = evaluatePredictions({ probabilities, labels: [0, 0, 0, 1, 1, 2], classNames: ['a', 'b', 'c'] });
  const pairs = mostConfused(evaluation, 3);
  expect(pairs).toEqual([
    { label: 0, guess: 1, count: 2, share: 2 / 3 },
    { label: 0, guess: 2, count: 1, share: 1 / 3 },
    { label: 1, guess: 0, count: 1, share: 1 / 2 },
  ]);
  expect(nameOfClass(evaluation, 2)).toBe('c');
  expect(nameOfClass({ classNames: null }, 2)).toBe('class 2');
});
