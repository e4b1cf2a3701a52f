import { checkInteger, checkNumber, invalid } from '../../errors';
import type { EpochEvent } from '../../optim/metric';
import { isArray } from '../../options/values';
import type { Position, SettingsChange } from './checkpointInfo';
import { Tally } from './tally';

/** The batch of the run that has written a Position, and the number of its steps per epoch. */
export interface Pace {
  readonly batch: number;
  readonly stepsPerEpoch: number;
}

/** The progress of a Trainer; the fields are those of Position, and all epoch events. */
export class Cursor {
  step = 0;
  epoch = 0;
  tally = new Tally();
  reported: EpochEvent | null = null;
  stopping: string | null = null;
  shift = 0;
  rateFactor = 1;
  changes: readonly SettingsChange[] = [];
  /** Every epoch event since the beginning of training. */
  history: EpochEvent[] = [];

  constructor(readonly pace: Pace) {}

  get stepsPerEpoch(): number {
    return this.pace.stepsPerEpoch;
  }

  /** Index of the first step of the epoch under way. */
  get begin(): number {
    return this.epoch * this.stepsPerEpoch + this.shift;
  }

  /** Index of the first step of the next epoch. */
  get end(): number {
    return this.begin + this.stepsPerEpoch;
  }

  /** Whether there was an epoch event after the last step. */
  get isReported(): boolean {
    return this.reported?.step === this.step;
  }

  /** Returns the index that a step would have if every epoch had had as many steps as the present ones: schedules count in these. */
  scheduled(step: number): number {
    return step - this.shift;
  }

  /** Records an epoch's event; if the epoch is complete, the next one begins. */
  report(event: EpochEvent): void {
    this.reported = event;
    this.history.push(event);
    if (!event.complete) return;
    this.epoch++;
    this.tally = new Tally();
  }

  save(): Position {
    const { step, epoch, reported, stopping, shift, rateFactor, changes } = this;
    return {
      ...{ step, epoch, tally: this.tally.save(), reported, stopping },
      // Left out if they are the defaults: checkpoints of earlier versions do not have them.
      ...(shift !== 0 && { shift }),
      ...(rateFactor !== 1 && { rateFactor }),
      ...(changes.length > 0 && { changes }),
    };
  }

  /**
   * Sets all fields.
   * @param history every epoch event until then
   * @param pace that of the run that has written the position; with another batch, the epoch goes on at the same image, or up to a
   * batch before it
   * @throws ERR_INVALID_ARGUMENT if step and epoch contradict each other for this number of steps per epoch
   */
  restore(position: Position, history: EpochEvent[] = [], pace: Pace = this.pace): void {
    const { step, epoch, shift = 0, rateFactor = 1, changes = [] } = position;
    checkInteger('step of the position', step, 0);
    checkInteger('shift of the position', shift, -Number.MAX_SAFE_INTEGER);
    const { stepsPerEpoch } = pace;
    const scheduled = (step - shift) / stepsPerEpoch;
    checkInteger('epoch of the position', epoch, Math.ceil(scheduled) - 1, scheduled);
    checkNumber('rateFactor of the position', rateFactor, 1e-300, 1e300);
    if (!isArray(changes)) throw invalid('changes of the position', 'an array', changes);
    const done = step - shift - epoch * stepsPerEpoch;
    const place = done === stepsPerEpoch ? this.stepsPerEpoch : Math.floor((done * pace.batch) / this.pace.batch);
    this.tally = Tally.restore(position.tally);
    const { reported, stopping } = position;
    Object.assign(this, {
      step,
      epoch,
      rateFactor,
      changes,
      history,
      reported: reported ?? null,
      stopping: stopping ?? null,
    });
    this.shift = step - epoch * this.stepsPerEpoch - place;
  }
}
