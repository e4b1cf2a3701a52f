import { mostSteps, type Plan, type RunInputs, type StepResults } from '../compile/compile';
import type { Graph } from '../compile/graph';
import type { Batches, Epoch } from '../data/loader';
import { joinParts } from './accumulation/join';
import type { Feed } from './feed';

/** Time that the steps of one native call are to take: long enough that calls cost nothing, short enough for a progress bar. */
const secondsPerCall = 1;
/** Largest number of steps in one call. More would gain nothing and only make the result arrays longer. */
const mostStepsPerCall = 1000;

/** One native call: its inputs, result and duration. */
export interface RunOfSteps {
  readonly batches: Batches;
  /** The inputs of the plan. */
  readonly inputs: RunInputs;
  /** What the steps gave, each of which may consist of several native steps. */
  readonly result: StepResults;
  /** What the native steps gave. */
  readonly native: StepResults;
  readonly milliseconds: number;
  /** Milliseconds of these for which the device waited for its inputs: little, except at the beginning of an epoch. */
  readonly waited: number;
}

/** Options of Runner.run(). */
export interface CallOptions {
  epoch: Epoch;
  /** Index of the first batch of the epoch to run. */
  first: number;
  /** Index after the last batch to run. */
  last: number;
  /** Returns the inputs beside images, indices and labels for these batches, of which `batch` is the index of the first. */
  inputsOf?: (batch: number, batches: Batches) => RunInputs;
  /** Returns more inputs for these batches. It is called while the call before runs, so that the device need not wait for it. */
  inputsAhead?: (batches: Batches) => RunInputs;
  /** Returns the largest number of steps of the call that begins with batch `batch`. Default: as many as take about a second. */
  most?: (batch: number) => number;
  /** When it is aborted, the iteration ends between two calls by throwing the signal's reason. */
  signal?: AbortSignal;
}

/** Runs a plan on the batches of an epoch, several steps per native call. Their number does not change any result. */
export class Runner {
  #stepsPerCall = 1;

  constructor(
    readonly plan: Plan,
    private readonly feed: Feed,
    /** The graph that the plan was compiled from. */
    readonly graph: Graph,
    /** The number of equal parts of a batch that a native step each computes. */
    readonly parts = 1,
  ) {}

  /** Whether the graph has an input of this name. */
  reads(name: string): boolean {
    return this.graph.nodes.some(({ source }) => source?.kind === 'input' && source.name === name);
  }

  /** Yields after each native call. If a result is not finite, the caller must end the iteration. */
  async *run({
    epoch,
    first,
    last,
    inputsOf,
    inputsAhead,
    most: mostAt,
    signal,
  }: CallOptions): AsyncGenerator<RunOfSteps, void, void> {
    if (first >= last) return;
    const reader = this.feed.reader(epoch, last - first);
    const ask = (step: number) => {
      const most = Math.max(1, Math.floor(Math.min(this.plan.native.mostSteps, mostSteps) / this.parts));
      const atMost = Math.min(this.#stepsPerCall, this.feed.mostSteps, most, last - step);
      const fed = reader.read(step, Math.min(atMost, mostAt?.(step) ?? atMost)).then(({ batches, inputs }) => ({
        batches,
        inputs: { ...inputs, ...inputsAhead?.(batches) },
      }));
      // The `await` below throws its error. After an abort nothing awaits it, and without this the process would end.
      fed.catch(() => {});
      return fed;
    };
    try {
      let next = ask(first);
      for (let step = first; step < last; ) {
        signal?.throwIfAborted();
        const started = performance.now();
        const fed = await next;
        const waited = performance.now() - started;
        const { batches } = fed;
        const { steps } = batches;
        const inputs = { ...fed.inputs, ...inputsOf?.(step, batches) };
        const running = this.plan.run(inputs, { steps: steps * this.parts });
        step += steps;
        // The next images are gathered, and uploaded if the feed can, while the device works on this call.
        if (step < last) next = ask(step);
        const native = await running;
        const result = joinParts(native, this.parts, batches);
        const milliseconds = performance.now() - started;
        const fitting = Math.floor((1000 * secondsPerCall * steps) / milliseconds);
        this.#stepsPerCall = Math.min(Math.max(fitting, 1), mostStepsPerCall);
        yield { batches, inputs, result, native, milliseconds, waited };
      }
    } finally {
      reader.close();
    }
  }
}
