import type { Measured } from '../evaluation/metrics';
import type { EpochEvent, OtherMetrics } from '../optim/metric';
import type { ChangedSetting } from './checkpoint/checkpointInfo';

/**
 * The events that Trainer.fit() yields. metrics.jsonl contains those of training itself (step, epoch, changed, stopped, end), one
 * object per line.
 */

/** The event after each native call, which computes as many steps as take about a second. */
export interface StepEvent extends Omit<Measured, 'loss' | 'accuracy' | 'top5'> {
  readonly event: 'step';
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Mean loss over the images of the call's steps, with label smoothing if it is used. */
  readonly loss: number;
  /**
   * Fraction of these images whose label is the best guess, 0 to 1. Absent if the network computes no classes: then the metrics of its
   * loss are there, as in OtherMetrics but without "train".
   */
  readonly accuracy?: number;
  /** L2 norm of the gradient of all parameters in the call's last step, before any clipping. */
  readonly gradientNorm: number;
  /** Learning rate of the call's last step. */
  readonly learningRate: number;
  /** Training images per second during the call. */
  readonly imagesPerSecond: number;
}

/** A callback has ended training early, for example EarlyStopping. An end event follows. */
export interface StoppedEvent {
  readonly event: 'stopped';
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** Number of the last epoch, from 1. */
  readonly epoch: number;
  /** The reason that the callback gave. */
  readonly reason: string;
}

/** The last event of a fit(). */
export interface EndEvent extends OtherMetrics {
  readonly event: 'end';
  /** Steps done since the beginning of training. */
  readonly steps: number;
  /** Epochs begun since the beginning of training; the last may be unfinished. */
  readonly epochs: number;
  /** Time from the beginning of this fit() to its end, in seconds, evaluation included. */
  readonly seconds: number;
  /**
   * trainAccuracy of the last epoch's event; of the best epoch's if early stopping has restored its weights. A fraction, 0 to
   * 1. Absent if the network computes no classes: then the metrics of its loss are there.
   */
  readonly trainAccuracy?: number;
  /** testAccuracy of the same epoch's event; absent if that has none. */
  readonly testAccuracy?: number;
  /** Says that testAccuracy was measured on a validation set. Absent: on a test set, or not at all. */
  readonly evaluated?: 'validation';
  /** Training images per second in the same epoch, evaluation not counted. */
  readonly imagesPerSecond: number;
}

/** A checkpoint was written and is complete on disk. */
export interface CheckpointEvent {
  readonly event: 'checkpoint';
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** Path of the file. */
  readonly path: string;
  /** Whether it was also kept as the checkpoint of the best epoch so far. */
  readonly best: boolean;
}

/** Something went wrong and training goes on: the disk is full, or the machine is not the kind that wrote the checkpoint. */
export interface WarningEvent {
  readonly event: 'warning';
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** A sentence that says what went wrong. */
  readonly message: string;
}

/** The first event of a fit() after a restore() with changed settings. */
export interface ChangedEvent {
  readonly event: 'changed';
  /** Steps done before the change. */
  readonly step: number;
  /** The settings that have changed: name, and JSON values before and after. */
  readonly changed: readonly ChangedSetting[];
  /** Why, if restore() was told. */
  readonly reason?: string;
}

/** An event of Trainer.fit(); its field `event` says which kind. */
export type TrainEvent =
  | StepEvent
  | EpochEvent
  | ChangedEvent
  | StoppedEvent
  | EndEvent
  | CheckpointEvent
  | WarningEvent;
