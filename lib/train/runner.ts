import { performance } from 'node:perf_hooks';
import type { Plan, RunInputs, StepResults } from '../compile/compile';
import type { Graph } from '../compile/graph';
import type { Batches, Epoch } from '../data/loader';
import type { Feed } from './feed';

/** Steps per native call are chosen to take this long: rare enough to cost nothing, often enough for a progress bar. */
const secondsPerCall = 1;
/** More would only make the result arrays longer. */
const mostStepsPerCall = 1000;

export interface RunOfSteps {
  readonly batches: Batches;
  /** What the plan was given. */
  readonly inputs: RunInputs;
  readonly result: StepResults;
  readonly milliseconds: number;
}

export interface CallOptions {
  epoch: Epoch;
  /** Batches `first` to `last` - 1 of the epoch. */
  first: number;
  last: number;
  /** Inputs beside images, indices and labels: one value per step, for `steps` steps from batch `batch` on. */
  perStep?: (batch: number, steps: number) => RunInputs;
  /** Most steps that the call which begins with batch `batch` may have; default: as many as take about a second. */
  most?: (batch: number) => number;
  /** Aborted, it ends the iteration between calls by throwing its reason. */
  signal?: AbortSignal;
}

/** Feeds a plan with the batches of an epoch, several steps per native call. How many never changes a result. */
export class Runner {
  #stepsPerCall = 1;

  constructor(
    readonly plan: Plan,
    private readonly feed: Feed,
    /** What the plan was compiled from. */
    readonly graph: Graph,
  ) {}

  /** One native call per iteration. After a call in which the gate closed, the caller must not go on. */
  async *run({ epoch, first, last, perStep, most, signal }: CallOptions): AsyncGenerator<RunOfSteps, void, void> {
    if (first >= last) return;
    const read = this.feed.reader(epoch);
    const ask = (step: number) => {
      const atMost = Math.min(this.#stepsPerCall, this.feed.mostSteps, last - step);
      const fed = read(step, Math.min(atMost, most?.(step) ?? atMost));
      // Whoever waits for it sees the error; after an abort nobody does.
      fed.catch(() => {});
      return fed;
    };
    let next = ask(first);
    for (let step = first; step < last; ) {
      signal?.throwIfAborted();
      const started = performance.now();
      const fed = await next;
      const { batches } = fed;
      const { steps } = batches;
      const inputs = { ...fed.inputs, ...perStep?.(step, steps) };
      const running = this.plan.run(inputs, { steps });
      step += steps;
      // Gathered while the device works on this call.
      if (step < last) next = ask(step);
      const result = await running;
      const milliseconds = performance.now() - started;
      const fitting = Math.floor((1000 * secondsPerCall * steps) / milliseconds);
      this.#stepsPerCall = Math.min(Math.max(fitting, 1), mostStepsPerCall);
      yield { batches, inputs, result, milliseconds };
    }
  }
}
