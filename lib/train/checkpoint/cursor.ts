import { checkInteger } from '../../errors';
import type { EpochEvent } from '../events';
import type { Position } from './checkpointInfo';
import { Tally } from './tally';

/** Where training stands; see Position. */
export class Cursor {
  step = 0;
  epoch = 0;
  tally = new Tally();
  reported: EpochEvent | null = null;
  stopping: string | null = null;

  constructor(readonly stepsPerEpoch: number) {}

  /** First step of the epoch under way. */
  get begin(): number {
    return this.epoch * this.stepsPerEpoch;
  }

  /** First step of the next. */
  get end(): number {
    return this.begin + this.stepsPerEpoch;
  }

  /** Whether an epoch event has told of the last step. */
  get isReported(): boolean {
    return this.reported?.step === this.step;
  }

  /** After the epoch's event. */
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

  /** @throws ERR_INVALID_ARGUMENT if it is no Position of epochs of this length */
  restore({ step, epoch, tally, reported, stopping }: Position): void {
    checkInteger('step of the position', step, 0);
    checkInteger('epoch of the position', epoch, Math.ceil(step / this.stepsPerEpoch) - 1, step / this.stepsPerEpoch);
    this.tally = Tally.restore(tally);
    Object.assign(this, { step, epoch, reported: reported ?? null, stopping: stopping ?? null });
  }
}
