import type { StepResults } from '../../compile/compile';
import type { Batches } from '../../data/loader';
import { checkNumber } from '../../errors';

/** A Tally as JSON, for checkpoints: sums, so that going on adds in the same order as never having stopped. */
export interface SavedTally {
  readonly loss: number;
  readonly correct: number;
  readonly correct5: number;
  readonly rows: number;
  readonly milliseconds: number;
}

/** Running loss and accuracy over rows, and how long they took. */
export class Tally {
  #loss = 0;
  #correct = 0;
  #correct5 = 0;
  #rows = 0;
  #milliseconds = 0;

  /** Adds the steps of a run that took effect; each step's loss is the mean over its rows. */
  add({ rows }: Batches, { steps, outputs }: StepResults, milliseconds: number): void {
    rows.slice(0, steps).forEach((count, step) => {
      this.#loss += outputs.loss![step]! * count;
      this.#correct += outputs.correct![step]!;
      this.#correct5 += outputs.correct5?.[step] ?? 0;
      this.#rows += count;
    });
    this.#milliseconds += milliseconds;
  }

  get loss(): number {
    return this.#loss / this.#rows;
  }

  /** A fraction. */
  get accuracy(): number {
    return this.#correct / this.#rows;
  }

  /** A fraction; of plans that count it. */
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

  /** @throws ERR_INVALID_ARGUMENT */
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
