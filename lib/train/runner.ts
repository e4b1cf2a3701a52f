import { performance } from 'node:perf_hooks';
import type { Plan, RunInputs, StepResults } from '../compile';
import type { Feed } from '../data/feed';
import type { Batches, Epoch } from '../data/loader';

/** Steps per native call are chosen to take this long: rare enough to cost nothing, often enough for a progress bar. */
const secondsPerCall = 1;
/** More would only make the result arrays longer. */
const mostStepsPerCall = 1000;

export interface RunOfSteps {
  readonly batches: Batches;
  readonly result: StepResults;
  readonly milliseconds: number;
}

/** Feeds a plan with the batches of an epoch, several steps per native call. */
export class Runner {
  #stepsPerCall = 1;

  constructor(
    readonly plan: Plan,
    private readonly feed: Feed,
    /** The same in every step. */
    private readonly inputs: RunInputs = {},
  ) {}

  /**
   * Runs batches `first` to `last` - 1, one native call per iteration. Between calls an aborted `signal` ends it by
   * throwing its reason. After a call in which the gate closed, the caller must not go on.
   */
  async *run(epoch: Epoch, first: number, last: number, signal?: AbortSignal): AsyncGenerator<RunOfSteps, void, void> {
    if (first >= last) return;
    const read = this.feed.reader(epoch);
    const ask = (step: number) => {
      const fed = read(step, Math.min(this.#stepsPerCall, this.feed.mostSteps, last - step));
      // Whoever waits for it sees the error; after an abort nobody does.
      fed.catch(() => {});
      return fed;
    };
    let next = ask(first);
    for (let step = first; step < last; ) {
      signal?.throwIfAborted();
      const started = performance.now();
      const { batches, inputs } = await next;
      const { steps } = batches;
      const running = this.plan.run({ ...this.inputs, ...inputs }, { steps });
      step += steps;
      // Gathered while the device works on this call.
      if (step < last) next = ask(step);
      const result = await running;
      const milliseconds = performance.now() - started;
      const fitting = Math.floor((1000 * secondsPerCall * steps) / milliseconds);
      this.#stepsPerCall = Math.min(Math.max(fitting, 1), mostStepsPerCall);
      yield { batches, result, milliseconds };
    }
  }
}
