import type { EpochEvent } from '../optim/metric';

/** What Trainer.fit() yields. metrics.jsonl holds those of training itself (step, epoch, stopped, end), one object per line. */

/** After each native call, which runs about a second's worth of steps. */
export interface StepEvent {
  readonly event: 'step';
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** 1 for the first. */
  readonly epoch: number;
  /** Means over the steps of the call. */
  readonly loss: number;
  readonly accuracy: number;
  /** Of the call's last step. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly imagesPerSecond: number;
}

/** Training ends before its time, because a callback asked for it: early stopping. An end event follows. */
export interface StoppedEvent {
  readonly event: 'stopped';
  readonly step: number;
  readonly epoch: number;
  readonly reason: string;
}

export interface EndEvent {
  readonly event: 'end';
  /** Since the beginning of training, as `epochs` (the last may be unfinished). */
  readonly steps: number;
  readonly epochs: number;
  /** From the first step of this fit() to the end, evaluation included. */
  readonly seconds: number;
  /** Of the last epoch; of the best where early stopping has brought its weights back. */
  readonly trainAccuracy: number;
  readonly testAccuracy: number;
  readonly imagesPerSecond: number;
}

/** A checkpoint is complete on disk. */
export interface CheckpointEvent {
  readonly event: 'checkpoint';
  readonly step: number;
  readonly path: string;
  /** Whether it was kept as the best so far as well. */
  readonly best: boolean;
}

/** Something that training survives: a disk that is full, a machine other than the checkpoint's. */
export interface WarningEvent {
  readonly event: 'warning';
  readonly step: number;
  readonly message: string;
}

export type TrainEvent = StepEvent | EpochEvent | StoppedEvent | EndEvent | CheckpointEvent | WarningEvent;
