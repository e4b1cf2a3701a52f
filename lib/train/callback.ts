import { invalid, SaturnnError } from '../errors';
import type { EpochEvent } from '../optim/metric';
import type { Owner } from '../optim/owner';
import { type Field, instance } from '../options/field';
import { nearestName } from '../options/nearest';
import { isCallback } from '../options/values';
import type { ChangedEvent, EndEvent, StepEvent, StoppedEvent, TrainEvent } from './events';
import type { TrainerView } from './trainerView';

/** The run that calls a callback: what the callback may read and do. */
export interface RunControl {
  /** The Trainer that calls the callback, without the methods that would train, restore or dispose of it. */
  readonly trainer: TrainerView;
  /**
   * True if training ends after this event: fit() has reported its last epoch, or a callback has called stop(). It is read
   * anew each time: within afterwards() it includes what later callbacks have asked for.
   */
  readonly isLast: boolean;
  /** Ends training after this event. `reason` is reported in the stopped event; only the first call's reason is kept. */
  stop(reason: string): void;
  /**
   * Runs `task` after every callback has handled the event and fit() has yielded it: for tasks that save the callbacks' states,
   * as a checkpoint does. fit() yields the event that the task returns, if any, and throws the error that it throws.
   */
  afterwards(task: () => Promise<TrainEvent | undefined>): void;
  /**
   * Reports this epoch, not the last, in the end event (for callbacks that restore its weights). It has an effect only in
   * onStopped.
   */
  reportAs(epoch: EpochEvent): void;
}

/** The state of a callback in a checkpoint. */
export interface SavedCallback {
  /** Any JSON value. */
  readonly state?: unknown;
  /** Binary data by name, stored as they are. */
  readonly arrays?: Readonly<Record<string, Uint8Array>>;
}

/**
 * Functions that a Trainer calls while it trains. Training waits for the promises that they return, and fit() throws the errors
 * that they throw. Events come in order. A run that is resumed from a checkpoint goes on after the checkpoint's last event, so a
 * callback whose state is restored sees none twice.
 *
 * A callback that remembers something from event to event belongs to one Trainer, from its constructor to its dispose(). Give it a
 * begin(); those of this package have one. A callback with none of begin(), save() and restore() may be given to several Trainers,
 * also at the same time, and must then remember nothing.
 */
export interface Callback {
  /** Key of the callback's state in checkpoints: unique among the callbacks of a Trainer. */
  readonly name: string;
  /** If set, onStep is called at every multiple of this many steps (at least 1), and possibly between. */
  readonly everySteps?: number;
  /**
   * Called by the constructor of the Trainer that it now belongs to: forgets what it remembers of an earlier training, or throws if
   * it cannot be used again. Without it, a callback with save() or restore() is refused by a second Trainer (ERR_BUSY). While the
   * first Trainer is not disposed of, a second one refuses it in any case.
   * @param owner the training, for a callback that passes the call on to another one
   */
  begin?(owner: Owner): void;
  /** Called after each native call, which computes as many steps as take about a second. */
  onStep?(event: StepEvent, run: RunControl): void | Promise<void>;
  /**
   * Called after each epoch, when the test set has been evaluated; also when fit() ends within an epoch (event.complete
   * false).
   */
  onEpoch?(event: EpochEvent, run: RunControl): void | Promise<void>;
  /** Called before the first step after a restore() with changed settings. */
  onChanged?(event: ChangedEvent, run: RunControl): void | Promise<void>;
  /** Called before onEnd if a callback has ended training with run.stop(). */
  onStopped?(event: StoppedEvent, run: RunControl): void | Promise<void>;
  /** Called at the end of fit(), unless it throws or its loop is left early. */
  onEnd?(event: EndEvent, run: RunControl): void | Promise<void>;
  /** Returns the state that a resumed run needs to go on as if it had never stopped. Absent: there is no state. */
  save?(): SavedCallback;
  /**
   * Sets the state to a result of save(); without a `state` if the checkpoint has none for this name. If a later callback refuses
   * its state, it is called again, with the result of a save() from before: what cannot be undone belongs into restored().
   * @throws ERR_CHECKPOINT if `saved` is not a result of save()
   */
  restore?(saved: SavedCallback): void;
  /** Called when everything in a checkpoint is restored, and all callbacks have accepted their states. */
  restored?(): void;
}

/** Every function of a Callback that is called at an event. */
const hooks = Object.keys({ onStep: 0, onEpoch: 0, onChanged: 0, onStopped: 0, onEnd: 0 } satisfies Record<Hook, 0>);
/** All functions of a Callback. */
const functions = [...hooks, 'begin', 'save', 'restore', 'restored'] as readonly (keyof Callback)[];
type Hook = Extract<keyof Callback, `on${string}`>;

/** Accepts a Callback: it may have none of the functions, only everySteps. */
export const callbackField: Field<Callback> = instance<Callback>(
  'a callback, which is an object with a name,',
  (value) => typeof value.name === 'string',
);

/**
 * Checks that the functions of a callback are functions, and that it has none that is meant to be called at an event but never will
 * be, because its name is another library's, or mistyped.
 * @throws ERR_INVALID_ARGUMENT
 */
export function checkHooks(callback: Callback): void {
  for (const name of functions) {
    const given = callback[name];
    if (given !== undefined && given !== null && !isCallback(given))
      throw invalid(`${name} of callback "${callback.name}"`, 'a function', given);
  }
  const names = new Set<string>();
  for (let at: object | null = callback; at && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const name of Object.getOwnPropertyNames(at)) if (/^on[A-Z]/.test(name)) names.add(name);
  for (const name of names) {
    const nearest = hooks.includes(name) ? null : nearestName(name, hooks);
    if (nearest === null) continue;
    const message = `Callback "${callback.name}" has a function ${name}, which is never called: did you mean "${nearest}"?`;
    throw new SaturnnError('ERR_INVALID_ARGUMENT', message);
  }
}
