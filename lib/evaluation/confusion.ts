/** Scores of classes, and the pairs of classes that are taken for each other, from a confusion matrix. */
import type { ClassScores, Evaluation, Scores } from './evaluation';

/** Divides; a denominator of 0 gives 0. */
const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** Returns the scores of each class. The matrix is [classes, classes]: the row is the label, the column the guess. */
export function classScores(
  matrix: Uint32Array,
  classes: number,
  classNames: readonly string[] | null,
): readonly ClassScores[] {
  const guessed = new Float64Array(classes);
  const support = new Float64Array(classes);
  matrix.forEach((count, place) => {
    support[Math.floor(place / classes)]! += count;
    guessed[place % classes]! += count;
  });
  return Array.from({ length: classes }, (_, label) => {
    const right = matrix[label * classes + label]!;
    return {
      ...{ label, name: classNames?.[label] ?? null, support: support[label]! },
      precision: share(right, guessed[label]!),
      recall: share(right, support[label]!),
      // The harmonic mean, in a form that is defined when precision and recall are both 0.
      f1: share(2 * right, guessed[label]! + support[label]!),
    };
  });
}

/** Returns means of the scores over all classes, with a weight for each class that does not depend on the scores. */
export function averageScores(scores: readonly ClassScores[], weightOf: (of: ClassScores) => number): Scores {
  const weights = scores.map(weightOf);
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (score: keyof Scores) =>
    share(
      scores.reduce((sum, of, index) => sum + of[score] * weights[index]!, 0),
      whole,
    );
  return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') };
}

/** Images of one class that were taken for another class. */
export interface ConfusedPair {
  readonly label: number;
  readonly guess: number;
  /** The number of these images. */
  readonly count: number;
  /** Their fraction of the images of the class `label`. */
  readonly share: number;
}

/** Returns the pairs of classes with the most wrong guesses, at most `most` of them, the largest first. */
export function mostConfused(
  { confusion, classes, perClass }: Pick<Evaluation, 'confusion' | 'classes' | 'perClass'>,
  most: number,
): readonly ConfusedPair[] {
  const wrong: ConfusedPair[] = [];
  confusion.forEach((count, place) => {
    const [label, guess] = [Math.floor(place / classes), place % classes];
    if (count > 0 && label !== guess) wrong.push({ label, guess, count, share: count / perClass[label]!.support });
  });
  return wrong.sort((a, b) => b.count - a.count || a.label - b.label || a.guess - b.guess).slice(0, most);
}
