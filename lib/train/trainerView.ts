import type { ImageSource, Split } from '../data/source';
import type { Statistics } from '../data/statistics';
import type { Evaluation } from '../evaluation/evaluation';
import type { EpochEvent } from '../optim/metric';
import type { Device } from '../runtime/device';
import type { State } from '../tensor/state';
import type { Checkpoint } from './checkpoint/checkpoint';
import type { SettingsChange } from './checkpoint/checkpointInfo';
import type { EvaluationOptions } from './evaluation/options';
import type { Images, Predictions, PredictOptions } from './predictor';

/** A Trainer as its callbacks see it: without the methods that would train, restore or dispose of it. */
export interface TrainerView {
  /** The device that trains. */
  readonly device: Device;
  /** Parameters, optimizer slots and buffers of the training. */
  readonly state: State;
  /** Images per step. */
  readonly batch: number;
  /** Steps per epoch: the number of training images divided by `batch`, rounded up. */
  readonly stepsPerEpoch: number;
  /** Whether the optimizer keeps an average of the weights, which evaluation and prediction then use. */
  readonly averaged: boolean;
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** Every epoch event since the beginning of training, those before a resume included. */
  readonly epochs: readonly EpochEvent[];
  /** Every change of settings by restore(), those before a resume included. */
  readonly changes: readonly SettingsChange[];
  /** Returns the pixel statistics of the training set: see Trainer.statistics(). */
  statistics(): Promise<Statistics>;
  /** Evaluates the training set, the test set or any other: see Trainer.evaluate(). */
  evaluate<T = Evaluation>(data: Split | ImageSource, options?: EvaluationOptions): Promise<T>;
  /** Predicts the classes of images: see Trainer.predict(). */
  predict(images: Images, options?: PredictOptions): Promise<Predictions>;
  /** Returns everything that a resumed run needs: see Trainer.checkpoint(). */
  checkpoint(): Promise<Checkpoint>;
  /** Writes a checkpoint file: see Trainer.save(). */
  save(path: string): Promise<void>;
  /** Writes the weights as a safetensors file: see Trainer.saveWeights(). */
  saveWeights(path: string): Promise<void>;
}
