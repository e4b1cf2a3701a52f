import type { StepResults } from '../compile';
import type { Batches } from '../data/loader';

/** Running loss and accuracy over rows, and how long they took. */
export class Tally {
  #loss = 0;
  #correct = 0;
  #rows = 0;
  #milliseconds = 0;

  /** Adds the steps of a run that took effect; each step's loss is the mean over its rows. */
  add({ rows }: Batches, { outputs }: StepResults, milliseconds: number): void {
    rows.forEach((count, step) => {
      this.#loss += outputs.loss![step]! * count;
      this.#correct += outputs.correct![step]!;
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

  get imagesPerSecond(): number {
    return (1000 * this.#rows) / this.#milliseconds;
  }
}
