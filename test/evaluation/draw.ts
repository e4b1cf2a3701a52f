/** The predictions that record.py gives scikit-learn. */
import { Generator } from '../pytorch/network';

/** Parameters of drawn predictions. */
export interface Draw {
  readonly seed: number;
  readonly count: number;
  readonly classes: number;
  /** Labels are drawn from the first classes, as many as this. */
  readonly present: number;
  /** How much the label's own class stands out. */
  readonly strength: number;
}

/** Returns labels [count] and probabilities [count, classes]: quotients of integers, which Python rounds to the same doubles. */
export function draw({ seed, count, classes, present, strength }: Draw) {
  const generator = new Generator(seed);
  const labels = new Int32Array(count);
  const probabilities = new Float64Array(count * classes);
  for (let row = 0; row < count; row++) {
    const label = (generator.integer() >>> 8) % present;
    const weights = Array.from({ length: classes }, () => 1 + ((generator.integer() >>> 8) % 1000) ** 2);
    weights[label]! *= 1 + ((generator.integer() >>> 8) % (2 * strength));
    const sum = weights.reduce((a, b) => a + b, 0);
    labels[row] = label;
    probabilities.set(
      weights.map((weight) => weight / sum),
      row * classes,
    );
  }
  return { labels, probabilities };
}
