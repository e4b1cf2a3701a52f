import type { EpochEvent } from '../optim/metric';
import type { EndEvent, StepEvent, StoppedEvent, TrainEvent } from './events';
import type { TrainerView } from './trainerView';

/** What a callback may do about the run that calls it. */
export interface RunControl {
  readonly trainer: TrainerView;
  /** Whether no step follows: the end is reached, or a callback has asked for it. */
  readonly isLast: boolean;
  /** Ends training after this event. The first reason counts. */
  stop(reason: string): void;
  /**
   * Runs `task` when every callback has seen the event: for what saves their state. The event that it returns is yielded
   * by fit(); what it throws ends fit().
   */
  afterwards(task: () => Promise<TrainEvent | undefined>): void;
  /** Makes the end event tell of this epoch instead of the last: when its weights are back. */
  reportAs(epoch: EpochEvent): void;
}

export interface SavedCallback {
  /** JSON. */
  readonly state?: unknown;
  readonly arrays?: Readonly<Record<string, Uint8Array>>;
}

/**
 * Something that looks on while a Trainer trains. Training waits for what its functions return; what they throw ends fit().
 * Events come in order, and none comes twice, however often training is interrupted and resumed.
 */
export interface Callback {
  /** Its key in checkpoints: unique in a Trainer. */
  readonly name: string;
  /** Native calls end at multiples of this many steps, so that onStep is called there. */
  readonly everySteps?: number;
  /** After each native call. */
  onStep?(event: StepEvent, run: RunControl): void | Promise<void>;
  /** After each epoch, the test set evaluated. */
  onEpoch?(event: EpochEvent, run: RunControl): void | Promise<void>;
  /** Training ends early, before onEnd. */
  onStopped?(event: StoppedEvent, run: RunControl): void | Promise<void>;
  /** When fit() has done what it was asked for. */
  onEnd?(event: EndEvent, run: RunControl): void | Promise<void>;
  /** What a resumed run needs to go on as if it had never stopped. Without it: nothing. */
  save?(): SavedCallback;
  /** @throws ERR_CHECKPOINT if `saved` is not what `save` has given */
  restore?(saved: SavedCallback): void;
}
