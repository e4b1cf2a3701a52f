/** Finds a learning rate: it trains for some steps with a rate that rises from step to step. */
import { invalid, SaturnnError } from '../../errors';
import type { Model } from '../../models/model';
import { learningRateRange, type Schedule } from '../../optim/schedule';
import { callback, integer, numberWithin, optional, signal } from '../../options/field';
import { type Fields, Options } from '../../options/options';
import type { Callback } from '../callback';
import { Trainer, type TrainerOptions } from '../trainer';
import { trainerFields } from '../trainerOptions';
import { type RateCurve, RateRecorder } from './rateCurve';

/** Options of a Trainer that have no meaning in a search, or another one. */
type Left = 'model' | 'test' | 'evaluateEvery' | 'learningRate' | 'schedule' | 'callbacks';

/** What findLearningRate() trains: options of a Trainer, without those that say when rates change and what is evaluated. */
export interface FindRateOptions extends Omit<TrainerOptions, Left> {
  /** Makes the model. A model belongs to one training, so the search needs one of its own. Default: the network of `weights`. */
  model?: () => Model;
}

/** Options of the search. */
export interface RateSearchOptions {
  /** Learning rate of the first step: above 0, at most 1e6. Default 1e-6. */
  from?: number;
  /** Learning rate of the last step: above `from`, at most 1e6. Default 10. */
  to?: number;
  /** Number of steps, 10 to 100,000. From each to the next, the rate is multiplied by the same factor. Default 100. */
  steps?: number;
  /** The share of the old mean that the mean of the losses keeps in each step: 0 to below 1. Default 0.9. */
  smoothing?: number;
  /** When it is aborted, findLearningRate() throws its reason. */
  signal?: AbortSignal;
}

/** The defaults of RateSearchOptions. */
export const rateSearchDefaults = { from: 1e-6, to: 10, steps: 100, smoothing: 0.9 } as const;

const { model: _model, test: _test, evaluateEvery: _every, ...mostFields } = trainerFields;
const { learningRate: _rate, schedule: _schedule, callbacks: _callbacks, ...keptFields } = mostFields;

const findRateOptions = new Options<FindRateOptions>('findLearningRate()', {
  ...keptFields,
  model: optional(callback<() => Model>('a function that makes a Model')),
});

const rateField = numberWithin({ least: 0, most: learningRateRange[1], open: 'least' });

/** Schema of RateSearchOptions. */
export const rateSearchFields: Fields<RateSearchOptions> = {
  ...{ from: optional(rateField), to: optional(rateField), steps: optional(integer(10, 100_000)) },
  smoothing: optional(numberWithin({ least: 0, most: 1, open: 'most' })),
  signal: optional(signal),
};

const rateSearchOptions = new Options<RateSearchOptions>('findLearningRate()', rateSearchFields, {
  argument: 'search',
});

/** A search, and what the Trainer that makes it must be given. */
export interface RateSearch {
  /** The rates, and a callback that asks for an event after every step. */
  readonly options: { readonly schedule: Schedule; readonly callbacks: readonly Callback[] };
  /** Trains a Trainer with these options, which must be new. */
  readonly run: (trainer: Trainer) => Promise<RateCurve>;
}

/** Makes a search. @throws ERR_INVALID_ARGUMENT */
export function rateSearch(given: RateSearchOptions): RateSearch {
  const checked = rateSearchOptions.check(given);
  const { from = rateSearchDefaults.from, to = rateSearchDefaults.to, steps = rateSearchDefaults.steps } = checked;
  const { smoothing = rateSearchDefaults.smoothing, signal } = checked;
  if (!(to > from)) throw invalid('to', `a learning rate above that of the first step, ${from},`, to);
  const at = (step: number) => Math.min(from * (to / from) ** (step / (steps - 1)), to);
  return {
    options: { schedule: { name: 'rising', at }, callbacks: [{ name: 'rising', everySteps: 1 }] },
    run: async (trainer) => {
      const recorder = new RateRecorder(steps, smoothing);
      try {
        for await (const event of trainer.fit({ steps, signal })) {
          if (event.event !== 'step') continue;
          if (!Number.isFinite(event.loss)) return recorder.curve('nonFinite');
          if (recorder.add(event.learningRate, event.loss)) return recorder.curve('diverged');
        }
      } catch (error) {
        if (!(error instanceof SaturnnError) || error.code !== 'ERR_NON_FINITE') throw error;
        return recorder.curve('nonFinite');
      }
      return recorder.curve('done');
    },
  };
}

/**
 * Finds a learning rate (Smith 2017, arXiv:1506.01186): trains for some steps with a rate that rises geometrically from step to step, and
 * returns the losses, and the rates that they suggest. The steps are those of a Trainer with these options; the search has a model and a
 * State of its own, so nothing that you train is changed. The same seed gives the same curve. rateChart() makes a chart of it.
 * @param options those of a Trainer, with a function that makes the model
 * @param search from (default 1e-6), to (default 10), steps (default 100), smoothing (default 0.9) and signal
 * @throws ERR_INVALID_ARGUMENT; what a Trainer throws, other than ERR_NON_FINITE, which ends the search; the signal's reason
 */
export async function findLearningRate(options: FindRateOptions, search: RateSearchOptions = {}): Promise<RateCurve> {
  const { model, ...training } = findRateOptions.check(options);
  const { options: own, run } = rateSearch(search);
  using trainer = new Trainer({ ...training, ...(model && { model: model() }), ...own });
  return await run(trainer);
}
