/** Calls the callbacks of a fit() with its events. */
import type { EpochEvent } from '../optim/metric';
import type { Callback, RunControl } from './callback';
import type { Cursor } from './checkpoint/cursor';
import type { ChangedEvent, EndEvent, StepEvent, StoppedEvent, TrainEvent } from './events';
import type { TrainerView } from './trainerView';

type Task = () => Promise<TrainEvent | undefined>;

/** The events that callbacks are called with, by the name of the hook. */
interface Hooks {
  onStep: StepEvent;
  onEpoch: EpochEvent;
  onChanged: ChangedEvent;
  onStopped: StoppedEvent;
  onEnd: EndEvent;
}

/** Calls the callbacks of one fit(). */
export class Announcer {
  /**
   * @param trainer the Trainer as callbacks see it
   * @param cursor its progress
   * @param last the step at which this fit() ends
   * @param checkUsable throws if the Trainer was disposed of: its callbacks may then belong to another one
   */
  constructor(
    private readonly trainer: TrainerView,
    private readonly callbacks: readonly Callback[],
    private readonly cursor: Cursor,
    private readonly last: number,
    private readonly checkUsable: () => void,
  ) {}

  /** Calls every callback with an event, yields the event, then runs the callbacks' tasks and yields their events. */
  async *tell<Hook extends keyof Hooks>(
    hook: Hook,
    event: Hooks[Hook],
    reportAs: (epoch: EpochEvent) => void = () => {},
  ): AsyncGenerator<TrainEvent, void, void> {
    this.checkUsable();
    const tasks: Task[] = [];
    const control = this.#control(tasks, reportAs);
    for (const callback of this.callbacks) {
      await (callback[hook] as ((event: TrainEvent, run: RunControl) => unknown) | undefined)?.call(
        callback,
        event,
        control,
      );
    }
    yield event;
    for (const task of tasks) {
      this.checkUsable();
      const told = await task();
      if (told) yield told;
    }
  }

  #control(tasks: Task[], reportAs: (epoch: EpochEvent) => void): RunControl {
    const { cursor, trainer, last } = this;
    return {
      trainer,
      get isLast() {
        return cursor.stopping !== null || (cursor.step >= last && cursor.isReported);
      },
      stop: (reason) => {
        cursor.stopping ??= reason;
      },
      afterwards: (task) => tasks.push(task),
      reportAs,
    };
  }
}
