import type { StepResults } from '../../compile/compile';
import type { Batches } from '../../data/loader';
import { checkNumber } from '../../errors';

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
}

/** Running sums of loss and accuracy over rows (images), and the time that they took. */
export class Tally {
  #loss = 0;
  #correct = 0;
  #correct5 = 0;
  #rows = 0;
  #milliseconds = 0;

  /** Adds the steps of a run that took effect. `outputs.loss` has the mean over the rows of each step. */
  add({ rows }: Batches, { steps, outputs }: StepResults, milliseconds: number): void {
    rows.slice(0, steps).forEach((count, step) => {
      this.#loss += outputs.loss![step]! * count;
      this.#correct += outputs.correct![step]!;
      this.#correct5 += outputs.correct5?.[step] ?? 0;
      this.#rows += count;
    });
    this.#milliseconds += milliseconds;
  }

  /** The mean over all rows. */
  get loss(): number {
    return this.#loss / this.#rows;
  }

  /** Fraction of the rows whose label is the best guess, 0 to 1. */
  get accuracy(): number {
    return this.#correct / this.#rows;
  }

  /** Fraction of the rows whose label is among the five best guesses, 0 to 1; 0 for plans without the output correct5. */
  get top5(): number {
    return this.#correct5 / this.#rows;
  }

  get imagesPerSecond(): number {
    return (1000 * this.#rows) / this.#milliseconds;
  }

  save(): SavedTally {
    const [loss, correct, correct5] = [this.#loss, this.#correct, this.#correct5];
    return { loss, correct, correct5, rows: this.#rows, milliseconds: this.#milliseconds };
  }

  /** Makes a Tally from a result of save(). @throws ERR_INVALID_ARGUMENT if a sum is not a number from 0 on */
  static restore(saved: SavedTally): Tally {
    const number = (name: keyof SavedTally) => checkNumber(`${name} of a tally`, saved?.[name], 0, Number.MAX_VALUE);
    const tally = new Tally();
    tally.#loss = number('loss');
    tally.#correct = number('correct');
    tally.#correct5 = number('correct5');
    tally.#rows = number('rows');
    tally.#milliseconds = number('milliseconds');
    return tally;
  }
}
