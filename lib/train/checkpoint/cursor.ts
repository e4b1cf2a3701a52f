import { checkInteger } from '../../errors';
import type { EpochEvent } from '../../optim/metric';
import type { Position } from './checkpointInfo';
import { Tally } from './tally';

/** The progress of a Trainer; the fields are those of Position. */
export class Cursor {
  step = 0;
  epoch = 0;
  tally = new Tally();
  reported: EpochEvent | null = null;
  stopping: string | null = null;

  constructor(readonly stepsPerEpoch: number) {}

  /** Index of the first step of the epoch under way. */
  get begin(): number {
    return this.epoch * this.stepsPerEpoch;
  }

  /** Index of the first step of the next epoch. */
  get end(): number {
    return this.begin + this.stepsPerEpoch;
  }

  /** Whether there was an epoch event after the last step. */
  get isReported(): boolean {
    return this.reported?.step === this.step;
  }

  /** Records an epoch's event; if the epoch is complete, the next one begins. */
  report(event: EpochEvent): void {
    this.reported = event;
    if (!event.complete) return;
    this.epoch++;
    this.tally = new Tally();
  }

  save(): Position {
    const { step, epoch, reported, stopping } = this;
    return { step, epoch, tally: this.tally.save(), reported, stopping };
  }

  /** Sets all fields. @throws ERR_INVALID_ARGUMENT if step and epoch contradict each other for this number of steps per epoch */
  restore({ step, epoch, tally, reported, stopping }: Position): void {
    checkInteger('step of the position', step, 0);
    checkInteger('epoch of the position', epoch, Math.ceil(step / this.stepsPerEpoch) - 1, step / this.stepsPerEpoch);
    this.tally = Tally.restore(tally);
    Object.assign(this, { step, epoch, reported: reported ?? null, stopping: stopping ?? null });
  }
}
