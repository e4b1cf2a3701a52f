import type { Statistics } from '../data/statistics';
import type { Device } from '../runtime/device';
import type { State } from '../tensor/state';
import type { Checkpoint } from './checkpoint/checkpoint';
import type { Images, Predictions } from './predictor';

export interface Evaluation {
  readonly loss: number;
  /** Fractions: of images whose label is the best guess, and of those whose label is among the five best. */
  readonly accuracy: number;
  readonly top5: number;
}

/** A Trainer as its callbacks see it: everything but what makes it train, resume or end. */
export interface TrainerView {
  readonly device: Device;
  readonly state: State;
  /** Images per step. */
  readonly batch: number;
  readonly stepsPerEpoch: number;
  /** Whether evaluation and prediction use the average of the weights: the optimizer keeps one. */
  readonly averaged: boolean;
  /** Steps done so far. */
  readonly step: number;
  /** See Trainer.statistics(). */
  statistics(): Promise<Statistics>;
  /** See Trainer.evaluate(). */
  evaluate(split: 'train' | 'test', options?: { signal?: AbortSignal }): Promise<Evaluation>;
  /** See Trainer.predict(). */
  predict(images: Images, options?: { signal?: AbortSignal }): Promise<Predictions>;
  /** See Trainer.checkpoint(). */
  checkpoint(): Promise<Checkpoint>;
  /** See Trainer.save(). */
  save(path: string): Promise<void>;
  /** See Trainer.saveWeights(). */
  saveWeights(path: string): Promise<void>;
}
