import { performance } from 'node:perf_hooks';
import { DataLoader } from '../data/loader';
import type { Statistics } from '../data/statistics';
import { checkInteger, invalid, SaturnnError } from '../errors';
import { writeSafetensors } from '../files/safetensors';
import { precisionBuffers } from '../optim/lossScaling';
import type { EpochEvent } from '../optim/metric';
import type { Device } from '../runtime/device';
import { State } from '../tensor/state';
import type { Callback, RunControl } from './callback';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint/checkpoint';
import { type Description, describeMachine, firstDifference } from './checkpoint/checkpointInfo';
import { Cursor } from './checkpoint/cursor';
import { applyCheckpoint, describeRun, type RunDescription, takeCheckpoint } from './checkpoint/saving';
import { Tally } from './checkpoint/tally';
import { collectWeights } from './checkpoint/weights';
import type { EndEvent, StepEvent, StoppedEvent, TrainEvent } from './events';
import { nonFiniteError } from './nonFinite';
import { type Images, type Predictions, Predictor } from './predictor';
import type { Runner, RunOfSteps } from './runner';
import { Runners } from './runners';
import { evaluationGraph, trainGraph } from './stepGraphs';
import { checkScheduledRate, type ResolvedOptions, resolveTrainerOptions, type TrainerOptions } from './trainerOptions';
import type { Evaluation, TrainerView } from './trainerView';

export type { TrainerOptions } from './trainerOptions';

export interface FitOptions {
  /** How far to go, one of four: this many more; an epoch that was begun by steps counts as one. */
  epochs?: number;
  steps?: number;
  /** Or until there have been this many since the beginning of training: for a resumed run. */
  totalEpochs?: number;
  totalSteps?: number;
  /** Ends the iteration with the signal's reason, after the native call under way (about a second). */
  signal?: AbortSignal;
}

/**
 * Trains a model on a data set. Each fit() goes on where the last one ended; whatever is evaluated
 * in between leaves no trace.
 */
export class Trainer implements TrainerView {
  readonly device: Device;
  readonly state: State;
  /** Images per step. */
  readonly batch: number;
  readonly stepsPerEpoch: number;
  readonly #options: ResolvedOptions;
  readonly #loader: DataLoader;
  readonly #runners: Runners;
  readonly #cursor: Cursor;
  #predictor: Promise<Predictor> | null = null;
  #description: Promise<RunDescription> | null = null;
  #fitting = false;
  /** A native call that writes the State is under way. */
  #running = false;
  /** Of the checkpoint that was restored, until the kernels of this run are known. */
  #restoredMachine: Description | null = null;

  /** @throws ERR_INVALID_ARGUMENT; what openDevice throws; ERR_UNSUPPORTED if the device lacks the precision */
  constructor(options: TrainerOptions) {
    this.#options = resolveTrainerOptions(options);
    const { model, train, device, batch, optimizer, seed, precision } = this.#options;
    this.device = device;
    this.batch = batch;
    const { slots: optimizerSlots, averageSlot } = optimizer;
    const buffers = [...(model.buffers ?? []), ...precisionBuffers(precision)];
    this.state = new State(model.parameters, { seed, optimizerSlots, averageSlot, buffers });
    this.#loader = new DataLoader({ labels: train.labels, batch, shuffle: true, seed });
    this.stepsPerEpoch = this.#loader.steps;
    this.#cursor = new Cursor(this.stepsPerEpoch);
    this.#runners = new Runners(this.#options, this.state);
  }

  /** Whether evaluation and prediction use the average of the weights: the optimizer keeps one. */
  get averaged(): boolean {
    return this.state.averageSlot !== null;
  }

  /** Steps done so far. */
  get step(): number {
    return this.#cursor.step;
  }

  /** Steps that a fit() with these options would do. @throws ERR_INVALID_ARGUMENT */
  stepsOf({ epochs, steps, totalEpochs, totalSteps }: FitOptions = {}): number {
    const given = Object.entries({ epochs, steps, totalEpochs, totalSteps }).filter(([, value]) => value !== undefined);
    if (given.length !== 1) {
      const received = given.map(([name]) => name).join(' and ') || 'none';
      throw invalid('fit()', 'one of epochs, steps, totalEpochs and totalSteps', received);
    }
    const { step } = this;
    if (steps !== undefined) return checkInteger('steps', steps, 1);
    if (totalSteps !== undefined) return Math.max(0, checkInteger('totalSteps', totalSteps, 1) - step);
    const most = 1_000_000;
    if (epochs === undefined) {
      return Math.max(0, checkInteger('totalEpochs', totalEpochs, 1, most) * this.stepsPerEpoch - step);
    }
    return checkInteger('epochs', epochs, 1, most) * this.stepsPerEpoch - (step % this.stepsPerEpoch);
  }

  /**
   * Trains, yielding a step event per native call, an epoch event per epoch (the last may be unfinished), and an end event;
   * a stopped event before it where a callback ends training; and what callbacks have to tell. Leaving the loop is safe.
   * @throws ERR_NON_FINITE if loss or gradient overflow, naming step and layer: the state is then as before that step.
   * ERR_BUSY while another fit() of this trainer is under way; ERR_DISPOSED; what callbacks throw.
   */
  async *fit(options: FitOptions = {}): AsyncGenerator<TrainEvent, void, void> {
    const last = this.step + this.stepsOf(options);
    this.#checkIdle();
    this.#fitting = true;
    try {
      yield* this.#fit(last, options.signal);
    } finally {
      this.#fitting = false;
      this.#running = false;
    }
  }

  /** What is subtracted from pixels, and how they are scaled. @throws what reading the training set throws */
  statistics(): Promise<Statistics> {
    return this.#runners.statistics();
  }

  /**
   * Loss and accuracy over all images of the training or test set, centre crops, with the average of the weights if the
   * optimizer keeps one. Changes nothing.
   * @throws ERR_INVALID_ARGUMENT; ERR_DISPOSED
   */
  async evaluate(split: 'train' | 'test', { signal }: Pick<FitOptions, 'signal'> = {}): Promise<Evaluation> {
    if (split !== 'train' && split !== 'test') throw invalid('split', '"train" or "test"', split);
    const source = this.#options[split];
    const { averaged } = this;
    const runner = await this.#runners.get(split, source, (options) => evaluationGraph(options, { averaged }));
    const loader = new DataLoader({ labels: source.labels, batch: this.batch, shuffle: false });
    const tally = new Tally();
    for await (const run of runner.run({ epoch: loader.epoch(0), first: 0, last: loader.steps, signal })) {
      tally.add(run.batches, run.result, run.milliseconds);
    }
    return { loss: tally.loss, accuracy: tally.accuracy, top5: tally.top5 };
  }

  /**
   * What the network makes of images of the training set's size: any number of them, centre crops, with the average of
   * the weights if the optimizer keeps one. Changes nothing.
   * @throws ERR_INVALID_ARGUMENT; ERR_DISPOSED
   */
  async predict(images: Images, options: Pick<FitOptions, 'signal'> = {}): Promise<Predictions> {
    const statistics = await this.#runners.statistics();
    this.#runners.checkNotDisposed();
    const { model, device, batch, train, precision, deterministic, autotune } = this.#options;
    const { state } = this;
    if (!this.#predictor) {
      const { averaged } = this;
      const shape = train.shape;
      const made = Predictor.create({
        ...{ model, state, statistics, shape, batch, device, averaged },
        ...{ precision, deterministic, autotune },
      });
      this.#predictor = made;
      // Not kept: the next attempt may find memory.
      made.catch(() => {
        this.#predictor = null;
      });
    }
    return (await this.#predictor).predict(images, options);
  }

  /**
   * Everything that a run needs to go on as if it had never stopped. Between events only.
   * @throws ERR_BUSY while steps are computed; ERR_DISPOSED
   */
  async checkpoint(): Promise<Checkpoint> {
    return this.#betweenSteps('a checkpoint is taken', async () => {
      const [run, machine] = [await this.#describe(), await this.#machine()];
      return takeCheckpoint(this.#options, this.state, this.#cursor, run, machine);
    });
  }

  /** Writes a checkpoint, atomically and durably. @throws as checkpoint(); ERR_OUTPUT */
  async save(path: string): Promise<void> {
    await writeCheckpoint(path, await this.checkpoint());
  }

  /**
   * Writes the present weights (their average, if the optimizer keeps one) as a safetensors file, atomically and durably: what
   * loadPredictor and other programs read. A network of one's own has to be made again by its own code.
   * @throws ERR_OUTPUT; ERR_DISPOSED; ERR_BUSY while steps are computed
   */
  async saveWeights(path: string): Promise<void> {
    const weights = await this.#betweenSteps('weights are saved', async () =>
      collectWeights(this.#options.model, this.state, await this.statistics()),
    );
    writeSafetensors(path, weights);
  }

  /**
   * Goes on from a checkpoint of the same model, data and settings: the next fit() computes what the run that wrote it would
   * have computed next, bit for bit on the same kind of machine; on another it yields a warning event first.
   * @throws ERR_CHECKPOINT naming what is wrong with the file, or the first difference; nothing has changed then.
   * ERR_BUSY; ERR_DISPOSED
   */
  async restore(path: string): Promise<void> {
    this.#checkIdle();
    this.#runners.checkNotDisposed();
    this.#fitting = true;
    try {
      const checkpoint = await readCheckpoint(path);
      await applyCheckpoint(path, checkpoint, this.#options, this.state, this.#cursor, await this.#describe());
      this.#restoredMachine = checkpoint.info.machine;
    } finally {
      this.#fitting = false;
    }
  }

  /** Frees plans, data and state on the device. */
  dispose(): void {
    this.#runners.dispose();
    this.#predictor?.then((predictor) => predictor.dispose()).catch(() => {});
    this.state.dispose();
  }

  /** For `using`: dispose(). */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** What reads the State, all of it as one step has left it. @throws ERR_DISPOSED; ERR_BUSY */
  async #betweenSteps<T>(what: string, read: () => Promise<T>): Promise<T> {
    const { step } = this;
    const checkStill = () => {
      this.#runners.checkNotDisposed();
      if (this.#running || step !== this.step)
        throw new SaturnnError('ERR_BUSY', `${what} between the events of fit(), not while steps are computed`);
    };
    checkStill();
    const result = await read();
    checkStill();
    return result;
  }

  #checkIdle(): void {
    if (this.#fitting) throw new SaturnnError('ERR_BUSY', 'another fit() of this Trainer is under way');
  }

  async *#fit(last: number, signal?: AbortSignal): AsyncGenerator<TrainEvent, void, void> {
    const cursor = this.#cursor;
    const started = performance.now();
    yield* this.#machineWarning();
    // An epoch whose steps are done may still want its evaluation: the run was interrupted there.
    while (!cursor.isReported || (cursor.step < last && cursor.stopping === null)) {
      for await (const event of this.#steps(last, signal)) yield* this.#tell('onStep', event, last);
      yield* this.#tell('onEpoch', await this.#finishEpoch(last, signal), last);
    }
    let reported = cursor.reported!;
    const { stopping: reason } = cursor;
    if (reason !== null) {
      const { step, epoch } = reported;
      const stopped: StoppedEvent = { event: 'stopped', step, epoch, reason };
      try {
        yield* this.#tell('onStopped', stopped, last, (epoch) => {
          reported = epoch;
        });
      } finally {
        // A fit() that is asked for now may go on, also where this one was left at the event.
        cursor.stopping = null;
      }
    }
    const { trainAccuracy, testAccuracy, imagesPerSecond } = reported;
    const seconds = (performance.now() - started) / 1000;
    const counts = { steps: cursor.step, epochs: cursor.reported!.epoch };
    const end: EndEvent = { event: 'end', ...counts, seconds, trainAccuracy, testAccuracy, imagesPerSecond };
    yield* this.#tell('onEnd', end, last);
  }

  /** Has every callback look at an event, yields it, and then what callbacks do about it. */
  async *#tell<Event extends StepEvent | EpochEvent | StoppedEvent | EndEvent>(
    hook: 'onStep' | 'onEpoch' | 'onStopped' | 'onEnd',
    event: Event,
    last: number,
    reportAs: (epoch: EpochEvent) => void = () => {},
  ): AsyncGenerator<TrainEvent, void, void> {
    const cursor = this.#cursor;
    const tasks: (() => Promise<TrainEvent | undefined>)[] = [];
    const control: RunControl = {
      trainer: this,
      get isLast() {
        return cursor.stopping !== null || (cursor.step >= last && cursor.isReported);
      },
      stop: (reason) => {
        cursor.stopping ??= reason;
      },
      afterwards: (task) => tasks.push(task),
      reportAs,
    };
    for (const callback of this.#options.callbacks) {
      await (callback[hook] as ((event: Event, run: RunControl) => unknown) | undefined)?.call(
        callback,
        event,
        control,
      );
    }
    yield event;
    for (const task of tasks) {
      const told = await task();
      if (told) yield told;
    }
  }

  /** From the current step to the end of its epoch, to step `last`, or to where a callback ends training. */
  async *#steps(last: number, signal?: AbortSignal): AsyncGenerator<StepEvent, void, void> {
    const cursor = this.#cursor;
    if (cursor.stopping !== null) return;
    const runner = await this.#fitRunner();
    const { begin } = cursor;
    const runs = runner.run({
      epoch: this.#loader.epoch(cursor.epoch),
      first: cursor.step - begin,
      last: Math.min(cursor.end, last) - begin,
      perStep: (batch, steps) => ({
        learningRate: Float32Array.from({ length: steps }, (_, index) => this.#rate(begin + batch + index, last)),
      }),
      most: (batch) => mostSteps(this.#options.callbacks, begin + batch),
      signal,
    });
    this.#running = true;
    for await (const run of runs) {
      this.#running = false;
      cursor.step += run.result.steps;
      cursor.tally.add(run.batches, run.result, run.milliseconds);
      if (!run.result.finite) throw await nonFiniteError(this.step + 1, runner, run);
      yield this.#stepEvent(run, last);
      if (cursor.stopping !== null) return;
      this.#running = true;
    }
    this.#running = false;
  }

  #rate(step: number, last: number): number {
    const { schedule } = this.#options;
    return checkScheduledRate(
      schedule.at(step, { stepsPerEpoch: this.stepsPerEpoch, totalSteps: last }),
      schedule,
      step,
    );
  }

  async #finishEpoch(last: number, signal?: AbortSignal): Promise<EpochEvent> {
    const cursor = this.#cursor;
    const test = await this.evaluate('test', { signal });
    const { step, tally } = cursor;
    const event: EpochEvent = {
      event: 'epoch',
      epoch: cursor.epoch + 1,
      step,
      complete: step === cursor.end,
      trainLoss: tally.loss,
      trainAccuracy: tally.accuracy,
      testLoss: test.loss,
      testAccuracy: test.accuracy,
      testTop5: test.top5,
      learningRate: this.#rate(step - 1, last),
      imagesPerSecond: tally.imagesPerSecond,
    };
    cursor.report(event);
    // Of an unfinished epoch it is not told: how training is cut into calls of fit() must not change it.
    if (event.complete) this.#options.schedule.observe?.(event);
    return event;
  }

  #stepEvent({ batches, result, milliseconds }: RunOfSteps, last: number): StepEvent {
    const { step, epoch } = this.#cursor;
    const tally = new Tally();
    tally.add(batches, result, milliseconds);
    const { loss, accuracy, imagesPerSecond } = tally;
    const gradientNorm = result.outputs.gradientNorm!.at(-1)!;
    const learningRate = this.#rate(step - 1, last);
    return { event: 'step', step, epoch: epoch + 1, loss, accuracy, gradientNorm, learningRate, imagesPerSecond };
  }

  #fitRunner(): Promise<Runner> {
    const { train, optimizer, labelSmoothing } = this.#options;
    return this.#runners.get('fit', train, (options) => trainGraph(options, optimizer, { labelSmoothing }));
  }

  /** Made once: it looks at a part of the data. */
  #describe(): Promise<RunDescription> {
    this.#description ??= describeRun(this.#options, this.state).catch((error) => {
      this.#description = null;
      throw error;
    });
    return this.#description;
  }

  /** The device, and the kernels of a step once they are chosen. */
  async #machine(): Promise<Description> {
    const runner = await this.#runners.made('fit');
    return describeMachine(this.device, runner?.plan.kernels ?? null);
  }

  async *#machineWarning(): AsyncGenerator<TrainEvent, void, void> {
    const saved = this.#restoredMachine;
    if (!saved) return;
    await this.#fitRunner();
    const here = await this.#machine();
    this.#restoredMachine = null;
    // A checkpoint that was written before the first step knows no kernels.
    const difference = firstDifference(saved, saved.kernels === null ? { ...here, kernels: null } : here);
    if (!difference) return;
    const message = `The checkpoint was written on another kind of machine (${difference}): equal bits are not promised`;
    yield { event: 'warning', step: this.step, message };
  }
}

/** Steps until the next one at which a callback wants to be called. */
function mostSteps(callbacks: readonly Callback[], step: number): number {
  return Math.min(...callbacks.map(({ everySteps }) => (everySteps ? everySteps - (step % everySteps) : Infinity)));
}
