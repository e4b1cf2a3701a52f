/** The result of Trainer.fit(): its events for a loop, or its end for an await. */
import { SaturnnError } from '../errors';
import { integer, optional, signal } from '../options/field';
import { Options } from '../options/options';
import type { EndEvent, TrainEvent } from './events';

/** Most epochs of one call of fit(). */
const mostEpochs = 1_000_000;

/** Options of fit(). Exactly one of epochs, steps, totalEpochs and totalSteps says how long to train. */
export interface FitOptions {
  /** Train this many more epochs, 1 to 1,000,000. If an earlier fit() ended within an epoch, its rest counts as the first. */
  epochs?: number;
  /** Train this many more steps, at least 1. */
  steps?: number;
  /** Train until there have been this many epochs since the beginning of training, those before a resume included. */
  totalEpochs?: number;
  /** Train until there have been this many steps since the beginning of training, those before a resume included. */
  totalSteps?: number;
  /** When it is aborted, fit() ends after the native call under way (about a second) by throwing the signal's reason. */
  signal?: AbortSignal;
}

/** The declared options of fit(). */
export const fitOptions = new Options<FitOptions>('Trainer.fit()', {
  epochs: optional(integer(1, mostEpochs)),
  steps: optional(integer(1)),
  totalEpochs: optional(integer(1, mostEpochs)),
  totalSteps: optional(integer(1)),
  signal: optional(signal),
});

/**
 * The result of Trainer.fit(). Training runs while its events are read (`for await`), or to its end if it is awaited
 * (`const end = await trainer.fit({ epochs: 10 })`), which gives the end event. Without one of the two, nothing is trained.
 */
export interface Fit extends AsyncGenerator<TrainEvent, void, void>, Promise<EndEvent> {}

/** A Fit whose events come from a generator, and that another fit() of its Trainer can end. */
export class RunningFit implements Fit {
  readonly [Symbol.toStringTag] = 'Fit';
  readonly #events: AsyncGenerator<TrainEvent, void, void>;
  /** The number of calls of the generator that have not ended. */
  #pending = 0;
  #state: 'new' | 'begun' | 'ended' = 'new';
  #whole: Promise<EndEvent> | null = null;
  #end: EndEvent | null = null;
  #failure: { readonly error: unknown } | null = null;
  /** Why a later fit() has ended this one. */
  #replaced: SaturnnError | null = null;

  /** @param events makes the generator of this fit's events */
  constructor(events: (fit: RunningFit) => AsyncGenerator<TrainEvent, void, void>) {
    this.#events = events(this);
  }

  /** Whether the last event was read and the next one was not asked for: as in a loop's body, or in a loop that was left. */
  get isWaiting(): boolean {
    return this.#state === 'begun' && this.#pending === 0;
  }

  /** Ends the generator, which must be waiting. Whoever asks for the next event gets an error, because it will never come. */
  async replace(): Promise<void> {
    this.#replaced = new SaturnnError(
      'ERR_BUSY',
      'A later fit() or restore() of the same Trainer has ended this fit()',
    );
    await this.#events.return();
  }

  next(): Promise<IteratorResult<TrainEvent, void>> {
    if (this.#replaced) return Promise.reject(this.#replaced);
    return this.#call(() => this.#events.next());
  }

  return(): Promise<IteratorResult<TrainEvent, void>> {
    return this.#call(() => this.#events.return());
  }

  throw(error: unknown): Promise<IteratorResult<TrainEvent, void>> {
    return this.#call(() => this.#events.throw(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  // A thenable on purpose: `await` runs the training to its end. Nothing is started, and no promise is made, before.
  // biome-ignore lint/suspicious/noThenProperty: see above
  then<A = EndEvent, B = never>(
    fulfilled?: ((end: EndEvent) => A | PromiseLike<A>) | null,
    rejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#whole ??= this.#toEnd();
    return this.#whole.then(fulfilled, rejected);
  }

  catch<B = never>(rejected?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<EndEvent | B> {
    return this.then(null, rejected);
  }

  finally(always?: (() => void) | null): Promise<EndEvent> {
    this.#whole ??= this.#toEnd();
    return this.#whole.finally(always);
  }

  async #toEnd(): Promise<EndEvent> {
    while (!(await this.next()).done);
    if (this.#failure) throw this.#failure.error;
    if (!this.#end)
      throw new SaturnnError('ERR_INTERRUPTED', 'The loop over the events of this fit() was left before its end');
    return this.#end;
  }

  async #call(next: () => Promise<IteratorResult<TrainEvent, void>>): Promise<IteratorResult<TrainEvent, void>> {
    if (this.#state === 'new') this.#state = 'begun';
    this.#pending++;
    try {
      const result = await next();
      if (result.done) this.#state = 'ended';
      else if (result.value.event === 'end') this.#end = result.value;
      return result;
    } catch (error) {
      this.#state = 'ended';
      this.#failure ??= { error };
      throw error;
    } finally {
      this.#pending--;
    }
  }
}

/** Returns a function that returns the result of `make`, which is called now, or throws its error. */
export function later<T>(make: () => T): () => T {
  try {
    const made = make();
    return () => made;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
