import { performance } from 'node:perf_hooks';
import { compile, type RunInputs } from '../compile';
import { Dataset } from '../data/dataset';
import { DataLoader } from '../data/loader';
import { type Device, deviceOf, type Precision, type Resident } from '../device';
import { checkInteger, checkNumber, checkOptions, invalid, SaturnnError } from '../errors';
import type { Graph } from '../graph/graph';
import type { Model } from '../models/model';
import type { Optimizer } from '../optim/optimizer';
import { Sgd } from '../optim/sgd';
import { State } from '../state';
import type { EpochEvent, StepEvent, TrainEvent } from './events';
import { evaluationGraph, type PlanOptions, trainGraph } from './plans';
import { Runner, type RunOfSteps } from './runner';
import { Tally } from './tally';

export interface TrainerOptions {
  model: Model;
  train: Dataset;
  test: Dataset;
  /** A device, or its name for openDevice. Default "auto". */
  device?: Device | string;
  /** Default f32. bf16: images and convolutions; parameters, their gradients and all sums stay f32. */
  precision?: Precision;
  /** Images per step; default 64 on a CPU, 128 on a GPU. */
  batch?: number;
  /** Default 0.01. */
  learningRate?: number;
  /** Default: Sgd with momentum 0.9 and weight decay 1e-4. */
  optimizer?: Optimizer;
  /** Of initial weights, order and augmentation; default 0. */
  seed?: number;
}

export interface FitOptions {
  /** How far to go: one of the two. An epoch that was begun by steps counts as one. */
  epochs?: number;
  steps?: number;
  /** Ends the iteration with the signal's reason, after the native call under way (about a second). */
  signal?: AbortSignal;
}

export interface Evaluation {
  readonly loss: number;
  /** A fraction. */
  readonly accuracy: number;
}

/**
 * Trains a model on a data set that lies on the device. Each fit() goes on where the last one ended; whatever is evaluated
 * in between leaves no trace.
 */
export class Trainer {
  readonly device: Device;
  readonly state: State;
  /** Images per step. */
  readonly batch: number;
  readonly stepsPerEpoch: number;
  readonly #options: Required<Omit<TrainerOptions, 'device' | 'batch'>>;
  readonly #loader: DataLoader;
  readonly #runners = new Map<'fit' | 'train' | 'test', Promise<Runner>>();
  readonly #residents = new Map<Dataset, Resident>();
  #step = 0;
  #busy = false;
  #disposed = false;

  /** @throws ERR_INVALID_ARGUMENT; what openDevice throws; ERR_UNSUPPORTED if the device lacks the precision */
  constructor(options: TrainerOptions) {
    checkOptions('{ model, train, test }', options);
    const { model, train, test, learningRate = 0.01, optimizer = new Sgd(), seed = 0, precision = 'f32' } = options;
    checkModel(model);
    checkNumber('learningRate', learningRate, 0, 1e6);
    checkDataset('train', train, model);
    checkDataset('test', test, model);
    this.#options = { model, train, test, learningRate, optimizer, seed, precision };
    this.device = deviceOf(options.device);
    this.device.checkPrecision(precision);
    const { batch = this.device.backend === 'cpu' ? 64 : 128 } = options;
    this.batch = checkInteger('batch', batch, 1, 65536);
    this.state = new State(model.parameters, { seed, optimizerSlots: optimizer.slots, buffers: model.buffers });
    this.#loader = new DataLoader({ labels: train.labels, batch, shuffle: true, seed });
    this.stepsPerEpoch = this.#loader.steps;
  }

  /** Steps done so far. */
  get step(): number {
    return this.#step;
  }

  /** Steps that a fit() with these options would do. @throws ERR_INVALID_ARGUMENT */
  stepsOf({ epochs, steps }: FitOptions = {}): number {
    if ((epochs === undefined) === (steps === undefined)) {
      throw invalid('fit()', 'one of epochs and steps', epochs === undefined ? 'none' : 'both');
    }
    if (steps !== undefined) return checkInteger('steps', steps, 1);
    const begun = this.#step % this.stepsPerEpoch;
    return checkInteger('epochs', epochs, 1, 1_000_000) * this.stepsPerEpoch - begun;
  }

  /**
   * Trains, yielding a step event per native call, an epoch event per epoch (the last may be unfinished), and an end event.
   * @throws ERR_NON_FINITE if loss or gradient overflow: the state is then as before that step. ERR_BUSY while another
   * fit() of this trainer is under way; ERR_DISPOSED.
   */
  async *fit(options: FitOptions = {}): AsyncGenerator<TrainEvent, void, void> {
    const last = this.#step + this.stepsOf(options);
    if (this.#busy) throw new SaturnnError('ERR_BUSY', 'another fit() of this Trainer is under way');
    this.#busy = true;
    try {
      const firstEpoch = Math.floor(this.#step / this.stepsPerEpoch);
      const started = performance.now();
      for (;;) {
        const epoch: EpochEvent = yield* this.#epoch(last, options.signal);
        yield epoch;
        if (this.#step < last) continue;
        const { trainAccuracy, testAccuracy, imagesPerSecond } = epoch;
        const seconds = (performance.now() - started) / 1000;
        const epochs = epoch.epoch - firstEpoch;
        yield { event: 'end', steps: this.#step, epochs, seconds, trainAccuracy, testAccuracy, imagesPerSecond };
        return;
      }
    } finally {
      this.#busy = false;
    }
  }

  /**
   * Loss and accuracy over all images of the training or test set, centre crops. Changes nothing.
   * @throws ERR_INVALID_ARGUMENT; ERR_DISPOSED
   */
  async evaluate(split: 'train' | 'test', { signal }: Pick<FitOptions, 'signal'> = {}): Promise<Evaluation> {
    if (split !== 'train' && split !== 'test') throw invalid('split', '"train" or "test"', split);
    const dataset = this.#options[split];
    const runner = await this.#runner(split, dataset, evaluationGraph);
    const loader = new DataLoader({ labels: dataset.labels, batch: this.batch, shuffle: false });
    const tally = new Tally();
    for await (const run of runner.run(loader.epoch(0), 0, loader.steps, signal)) {
      tally.add(run.batches, run.result, run.milliseconds);
    }
    return { loss: tally.loss, accuracy: tally.accuracy };
  }

  /** Frees plans, data and state on the device. */
  dispose(): void {
    this.#disposed = true;
    // A compilation that failed has nothing to free, and whoever asked for it has seen the error.
    for (const runner of this.#runners.values()) runner.then(({ plan }) => plan.dispose()).catch(() => {});
    for (const resident of this.#residents.values()) resident.dispose();
    this.#runners.clear();
    this.#residents.clear();
    this.state.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** From the current step to the end of its epoch, or to step `last`; then the test set. */
  async *#epoch(last: number, signal?: AbortSignal): AsyncGenerator<StepEvent, EpochEvent, void> {
    const { train, optimizer } = this.#options;
    const runner = await this.#runner('fit', train, (options) => trainGraph(options, optimizer));
    const number = Math.floor(this.#step / this.stepsPerEpoch);
    const begin = number * this.stepsPerEpoch;
    const end = Math.min(begin + this.stepsPerEpoch, last);
    const tally = new Tally();
    for await (const run of runner.run(this.#loader.epoch(number), this.#step - begin, end - begin, signal)) {
      this.#step += run.result.steps;
      if (!run.result.finite) throw nonFinite(this.#step + 1, run);
      tally.add(run.batches, run.result, run.milliseconds);
      yield this.#stepEvent(number + 1, run);
    }
    const test = await this.evaluate('test', { signal });
    return {
      event: 'epoch',
      epoch: number + 1,
      trainLoss: tally.loss,
      trainAccuracy: tally.accuracy,
      testLoss: test.loss,
      testAccuracy: test.accuracy,
      imagesPerSecond: tally.imagesPerSecond,
    };
  }

  #stepEvent(epoch: number, { batches, result, milliseconds }: RunOfSteps): StepEvent {
    const tally = new Tally();
    tally.add(batches, result, milliseconds);
    const { loss, accuracy, imagesPerSecond } = tally;
    const gradientNorm = result.outputs.gradientNorm!.at(-1)!;
    const { learningRate } = this.#options;
    return { event: 'step', step: this.#step, epoch, loss, accuracy, gradientNorm, learningRate, imagesPerSecond };
  }

  /** The compiled plan with its fixed inputs, made on first use. @throws ERR_DISPOSED */
  #runner(kind: 'fit' | 'train' | 'test', dataset: Dataset, graph: (options: PlanOptions) => Graph): Promise<Runner> {
    if (this.#disposed) throw new SaturnnError('ERR_DISPOSED', 'this Trainer was disposed of');
    const known = this.#runners.get(kind);
    if (known) return known;
    const { model, train, learningRate, precision } = this.#options;
    const images = this.#residents.get(dataset) ?? this.device.upload(dataset.images);
    this.#residents.set(dataset, images);
    const inputs: RunInputs = kind === 'fit' ? { images, learningRate: Float32Array.of(learningRate) } : { images };
    const options = { model, state: this.state, statistics: train.statistics(), dataset, batch: this.batch };
    const runner = compile(graph(options), { device: this.device, precision }).then((plan) => new Runner(plan, inputs));
    this.#runners.set(kind, runner);
    // Not kept: the next attempt may find memory.
    runner.catch(() => this.#runners.get(kind) === runner && this.#runners.delete(kind));
    return runner;
  }
}

function checkModel(model: Model): void {
  const parts = [model?.parameters, model?.inputShape];
  if (typeof model?.forward !== 'function' || !parts.every(Array.isArray)) throw invalid('model', 'a Model', model);
}

function checkDataset(name: string, dataset: Dataset, model: Model): void {
  if (!(dataset instanceof Dataset)) throw invalid(name, 'a Dataset', dataset);
  const { classes, height, width } = dataset;
  if (classes > model.classes) throw invalid(`classes of ${name}`, `at most the model's ${model.classes}`, classes);
  const [modelHeight, modelWidth] = model.inputShape;
  if (height < modelHeight || width < modelWidth) {
    throw invalid(`image size of ${name}`, `at least the model's ${modelHeight}x${modelWidth}`, `${height}x${width}`);
  }
}

function nonFinite(step: number, { result }: RunOfSteps): SaturnnError {
  const at = result.steps;
  const [loss, norm] = [result.outputs.loss?.[at], result.outputs.gradientNorm?.[at]];
  const found = `loss ${loss}, gradient norm ${norm}`;
  const message = `Training stopped at step ${step}: ${found}. The parameters are as before that step. A lower learning rate may help.`;
  return new SaturnnError('ERR_NON_FINITE', message);
}
