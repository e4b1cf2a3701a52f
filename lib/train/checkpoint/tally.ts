import type { StepResults } from '../../compile/compile';
import type { Batches } from '../../data/loader';
import { checkNumber } from '../../errors';
import type { Measured } from '../../evaluation/metrics';

/**
 * The outputs of a step that are means over its rows: distances of the outputs to their targets (absolute, squared), or, of several
 * labels per image, shares of labels that are wrong, of images with a wrong label, and of labels that are guessed, present, or both.
 */
export const meansOfRows = ['absolute', 'squared', 'wrong', 'mismatched', 'both', 'guessed', 'present'] as const;
type Parts = Partial<Record<(typeof meansOfRows)[number], number>>;

/** A Tally as JSON, for checkpoints. It holds sums, not means, so that a resumed run gets the same bits as one without a stop. */
export interface SavedTally {
  /** Sum of the losses of all rows. */
  readonly loss: number;
  /** Rows whose label is the best guess. */
  readonly correct: number;
  /** Rows whose label is among the five best guesses; 0 if they are not counted. */
  readonly correct5: number;
  /** Rows: images, without those that only fill up a batch. */
  readonly rows: number;
  /** Time that their steps took. */
  readonly milliseconds: number;
  /** Sums, over all rows, of what networks that compute no classes are measured by; absent: there are none. */
  readonly parts?: Readonly<Parts>;
}

/** Running sums of loss and metrics over rows (images), and the time that they took. */
export class Tally {
  #loss = 0;
  #correct = 0;
  #correct5 = 0;
  #rows = 0;
  #milliseconds = 0;
  #parts: Parts = {};

  /** Adds the steps of a run that took effect. `outputs.loss` has the mean over the rows of each step. */
  add({ rows }: Batches, { steps, outputs }: StepResults, milliseconds: number): void {
    rows.slice(0, steps).forEach((count, step) => {
      this.#loss += outputs.loss![step]! * count;
      this.#correct += outputs.correct?.[step] ?? 0;
      this.#correct5 += outputs.correct5?.[step] ?? 0;
      for (const part of meansOfRows)
        if (outputs[part]) this.#parts[part] = (this.#parts[part] ?? 0) + outputs[part][step]! * count;
      this.#rows += count;
    });
    this.#milliseconds += milliseconds;
  }

  /** The mean over all rows. */
  get loss(): number {
    return this.#loss / this.#rows;
  }

  /** The loss, and what the network is measured by. `top5` is 0 for plans without the output correct5. */
  get measured(): Measured {
    const { loss } = this;
    const { absolute, squared, wrong, mismatched = 0, both = 0, guessed = 0, present = 0 } = this.#parts;
    const rows = this.#rows;
    if (absolute !== undefined && squared !== undefined)
      return { loss, meanAbsoluteError: absolute / rows, rootMeanSquaredError: Math.sqrt(squared / rows) };
    if (wrong === undefined) return { loss, accuracy: this.#correct / rows, top5: this.#correct5 / rows };
    const microF1 = guessed + present === 0 ? 0 : (2 * both) / (guessed + present);
    return { loss, labelAccuracy: 1 - wrong / rows, exactMatch: 1 - mismatched / rows, microF1 };
  }

  get imagesPerSecond(): number {
    return (1000 * this.#rows) / this.#milliseconds;
  }

  save(): SavedTally {
    const [loss, correct, correct5] = [this.#loss, this.#correct, this.#correct5];
    const own = Object.keys(this.#parts).length > 0 ? { parts: { ...this.#parts } } : {};
    return { loss, correct, correct5, rows: this.#rows, milliseconds: this.#milliseconds, ...own };
  }

  /** Makes a Tally from a result of save(). @throws ERR_INVALID_ARGUMENT if a sum is not a number from 0 on */
  static restore(saved: SavedTally): Tally {
    const number = (name: Exclude<keyof SavedTally, 'loss' | 'parts'>) =>
      checkNumber(`${name} of a tally`, saved?.[name], 0, Number.MAX_VALUE);
    const tally = new Tally();
    // A loss of one's own may be negative.
    tally.#loss = checkNumber('loss of a tally', saved?.loss, -Number.MAX_VALUE, Number.MAX_VALUE);
    tally.#correct = number('correct');
    tally.#correct5 = number('correct5');
    tally.#rows = number('rows');
    tally.#milliseconds = number('milliseconds');
    for (const part of meansOfRows) {
      const sum = saved?.parts?.[part];
      if (sum !== undefined) tally.#parts[part] = checkNumber(`${part} of a tally`, sum, 0, Number.MAX_VALUE);
    }
    return tally;
  }
}
