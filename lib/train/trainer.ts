import { DataLoader } from '../data/loader';
import type { ImageSource, Split } from '../data/source';
import type { Statistics } from '../data/statistics';
import { invalid, SaturnnError } from '../errors';
import type { Evaluation } from '../evaluation/evaluation';
import { writeSafetensors } from '../files/safetensors';
import type { Model } from '../models/model';
import { precisionBuffers } from '../optim/lossScaling';
import type { EpochEvent } from '../optim/metric';
import { beginAll, type Owner } from '../optim/owner';
import { pathField } from '../options/field';
import { checkArgument, Options } from '../options/options';
import type { Device } from '../runtime/device';
import { State } from '../tensor/state';
import { version } from '../version';
import { updateInputs } from './accumulation/inputs';
import { Announcer } from './announcer';
import type { Callback } from './callback';
import { checkRestore, type RestoreOptions } from './checkpoint/changes';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint/checkpoint';
import { type Description, describeMachine, firstDifference, type SettingsChange } from './checkpoint/checkpointInfo';
import { Cursor } from './checkpoint/cursor';
import { applyCheckpoint, describeRun, type RunDescription, takeCheckpoint } from './checkpoint/saving';
import { isDue, nextEvaluation, observedOf } from './evaluateEvery';
import { evaluateData, summaryOfSplit } from './evaluation/evaluateData';
import { type EvaluationOptions, evaluateFields } from './evaluation/options';
import type { StepEvent, StoppedEvent, TrainEvent } from './events';
import { endEventOf, epochEventOf, stepEventOf } from './eventsOf';
import { type Fit, type FitOptions, fitOptions, later, RunningFit } from './fit';
import { cardOf, type ModelCard } from './modelFile/card';
import { collectWeights, loadWeights } from './modelFile/weights';
import { nonFiniteError } from './nonFinite';
import {
  type Images,
  imagesToPredict,
  type Predictions,
  type PredictOptions,
  Predictor,
  predictFields,
} from './predictor';
import { rowInputs } from './rowInputs';
import type { Runner } from './runner';
import { Runners } from './runners';
import { type StepGraphOptions, trainGraph } from './stepGraphs';
import { checkScheduledRate, type ResolvedOptions, resolveTrainerOptions, type TrainerOptions } from './trainerOptions';
import type { TrainerView } from './trainerView';

export type { Fit, FitOptions } from './fit';
export type { TrainerOptions } from './trainerOptions';

const predictOptions = new Options('Trainer.predict()', predictFields);
const evaluateOptions = new Options('Trainer.evaluate()', evaluateFields);

/**
 * Trains a model on a data set. Each fit() goes on where the last one ended; evaluation and prediction between them do not change
 * the training. Dispose of a Trainer after use: it holds memory of the device.
 */
export class Trainer implements TrainerView {
  /** The network that is trained: `model`, or that of the file `weights`. */
  readonly model: Model;
  /** The device that trains. */
  readonly device: Device;
  /** Parameters, optimizer slots and buffers of the training. */
  readonly state: State;
  /** Images per step. */
  readonly batch: number;
  /** Steps per epoch: the number of training images divided by `batch`, rounded up. */
  readonly stepsPerEpoch: number;
  readonly #options: ResolvedOptions;
  readonly #loader: DataLoader;
  readonly #runners: Runners;
  readonly #cursor: Cursor;
  #predictor: Promise<Predictor> | null = null;
  #description: Promise<RunDescription> | null = null;
  /** The fit() or restore() under way, or a fit() that waits at an event. */
  #busy: RunningFit | 'restore' | null = null;
  /** Owner of the schedule and the callbacks. */
  readonly #owner: Owner & { disposed: boolean };
  /** Whether a native call that writes the State is under way. */
  #running = false;
  /** Description of the file of weights with which the training began; undefined: they were random. */
  #from: object | undefined;
  /** Settings that restore() has changed, until fit() reports them. */
  #change: SettingsChange | null = null;
  /** Description of the machine that wrote the restored checkpoint, until it is compared with this one. */
  #restoredMachine: Description | null = null;

  /**
   * Checks the options, opens the device and makes the State. Plans are compiled at the first use.
   * @throws ERR_INVALID_ARGUMENT; what openDevice throws; ERR_UNSUPPORTED if the device lacks the precision; ERR_BUSY if the
   * schedule or a callback remembers something and belongs to another Trainer that was not disposed of
   */
  constructor(options: TrainerOptions) {
    this.#options = resolveTrainerOptions(options);
    const { model, train, device, batch, accumulate, optimizer, seed, precision } = this.#options;
    const frozen = this.#options.frozen.parameters;
    this.#from = this.#options.network.from ?? undefined;
    this.#owner = { disposed: false, hasTest: this.#options.test !== null, kind: this.#options.loss.kind };
    this.model = model;
    this.device = device;
    this.batch = batch;
    const { slots: optimizerSlots, averageSlot } = optimizer;
    const buffers = [...(model.buffers ?? []), ...precisionBuffers(precision)];
    try {
      // Before the State, which would bind the model even if a callback is refused.
      beginAll(this.#owner, rememberingOf(this.#options));
      const slots = { optimizerSlots, averageSlot, gradientSlots: accumulate > 1 ? 2 : 1 };
      this.state = new State(model.parameters, { ...slots, seed, buffers, frozen, device });
      this.state.beginWith(this.#options.network.begin);
    } catch (error) {
      this.#owner.disposed = true;
      throw error;
    }
    this.#loader = new DataLoader({ labels: train.labels, batch, shuffle: true, seed });
    this.stepsPerEpoch = this.#loader.steps;
    this.#cursor = new Cursor({ batch, stepsPerEpoch: this.stepsPerEpoch });
    this.#runners = new Runners(this.#options, this.state);
  }

  /** Whether the optimizer keeps an average of the weights, which evaluation and prediction then use. */
  get averaged(): boolean {
    return this.state.averageSlot !== null;
  }

  /** Steps done since the beginning of training. */
  get step(): number {
    return this.#cursor.step;
  }

  /** Every epoch event since the beginning of training, those before a resume included. */
  get epochs(): readonly EpochEvent[] {
    return [...this.#cursor.history];
  }

  /** Every change of settings by restore(), those before a resume included. */
  get changes(): readonly SettingsChange[] {
    return this.#cursor.changes;
  }

  /**
   * Returns the number of steps that a fit() with these options would do.
   * @param options the length of training, as for fit()
   * @throws ERR_INVALID_ARGUMENT unless exactly one option is given, an integer in its range
   */
  stepsOf(options: FitOptions = {}): number {
    const { epochs, steps, totalEpochs, totalSteps } = fitOptions.check(options);
    const given = Object.entries({ epochs, steps, totalEpochs, totalSteps }).filter(([, value]) => value !== undefined);
    if (given.length !== 1) {
      const received = given.map(([name]) => name).join(' and ') || 'none';
      throw invalid('fit()', 'one of epochs, steps, totalEpochs and totalSteps', received);
    }
    const { step } = this;
    const scheduled = this.#cursor.scheduled(step);
    if (steps !== undefined) return steps;
    if (totalSteps !== undefined) return Math.max(0, totalSteps - step);
    if (epochs !== undefined) return epochs * this.stepsPerEpoch - (scheduled % this.stepsPerEpoch);
    return Math.max(0, (totalEpochs as number) * this.stepsPerEpoch - scheduled);
  }

  /**
   * Trains while its events are read (`for await (const event of trainer.fit({ epochs: 10 }))`), or to the end if it is awaited
   * (`const end = await trainer.fit({ epochs: 10 })`). It yields a step event per native call (about a second), an epoch event per
   * epoch (the last may be unfinished), a stopped event if a callback ends training, and an end event; between them, checkpoint and
   * warning events. The loop may be left at any event, and a later fit() goes on there: it ends an earlier one that waits at an
   * event, and reading on in that one throws ERR_BUSY.
   * @returns the events, for a loop; an await gives the end event. Without one of the two, nothing is trained
   * @throws ERR_NON_FINITE if loss, gradient or the update overflow, naming step and layer: the state is then as before that step.
   * ERR_BUSY while another fit() or restore() of this trainer computes; ERR_DISPOSED; what callbacks throw.
   */
  fit(options: FitOptions = {}): Fit {
    // Read at the call; an error belongs to the events or the promise, as every other one.
    const taken = later(() => fitOptions.check(options));
    return new RunningFit((fit) => this.#begin(fit, taken));
  }

  async *#begin(fit: RunningFit, taken: () => FitOptions): AsyncGenerator<TrainEvent, void, void> {
    const options = taken();
    this.#runners.checkNotDisposed();
    this.stepsOf(options);
    await this.#occupy(fit);
    try {
      yield* this.#fit(this.step + this.stepsOf(options), options.signal);
    } finally {
      if (this.#busy === fit) this.#busy = null;
      this.#running = false;
    }
  }

  /**
   * Returns the pixel statistics of the training set, with which all images are normalised: (pixel - mean) * scale.
   * @throws what reading the training set throws
   */
  statistics(): Promise<Statistics> {
    return this.#runners.statistics();
  }

  /**
   * Evaluates the network on all images of the training or test set, or of any source whose images have the shape of the training
   * set's: loss, top-k accuracy, confusion matrix, scores of each class, calibration, and the worst mistakes. Images are cropped at
   * the centre; the average of the weights is used if the optimizer keeps one. It does not change the training.
   * @param data "train", "test" or a source. Its classes must be the network's: no others, and no others' names
   * @param options `mistakes`: the most mistakes (default 24); `bins`: bins of the calibration (default 15); `signal`: when it is
   * aborted, evaluate() throws its reason after the native call under way (about a second)
   * @returns for networks of numbers or of several labels per image, the loss says which, a NumbersEvaluation or LabelsEvaluation
   * @throws ERR_INVALID_ARGUMENT; ERR_NON_FINITE if an output of the network is not finite; ERR_DISPOSED
   */
  async evaluate<T = Evaluation>(data: Split | ImageSource, options: EvaluationOptions = {}): Promise<T> {
    return evaluateData(this.#options, this.#runners, data, evaluateOptions.check(options)) as Promise<T>;
  }

  /**
   * Predicts the classes of any number of images, which have the shape of the training set's. They are cropped at the centre; the
   * average of the weights is used if the optimizer keeps one. It does not change the training.
   * @param options number of images in an array of bytes (default 1), and a signal that ends the prediction
   * @throws ERR_INVALID_ARGUMENT; ERR_DISPOSED
   */
  async predict(images: Images, options: PredictOptions = {}): Promise<Predictions> {
    const { count, signal } = predictOptions.check(options);
    const { model, device, part: batch, train, loss, precision, deterministic, autotune } = this.#options;
    const source = imagesToPredict(images, train.shape, model, count);
    const statistics = await this.#runners.statistics();
    this.#runners.checkNotDisposed();
    const { state } = this;
    if (!this.#predictor) {
      const { averaged } = this;
      const shape = train.shape;
      const made = Predictor.create({
        ...{ model, state, statistics, shape, batch, device, averaged, data: train },
        ...{ precision, deterministic, autotune, loss: { name: loss.name, kind: loss.kind } },
      });
      this.#predictor = made;
      // A failure is not kept, because a later attempt may find enough memory.
      made.catch(() => {
        this.#predictor = null;
      });
    }
    return (await this.#predictor).predict(source, { signal });
  }

  /**
   * Returns everything that a run needs to go on as if it had never stopped. Call it between the events of fit().
   * @throws ERR_BUSY while steps are computed; ERR_DISPOSED
   */
  async checkpoint(): Promise<Checkpoint> {
    return this.#betweenSteps('A checkpoint can be taken', async () => {
      const [run, machine] = [await this.#describe(), await this.#machine()];
      const { info, arrays } = await takeCheckpoint(this.#options, this.state, this.#cursor, run, machine);
      return { info: { ...info, ...(this.#from && { from: this.#from }) }, arrays };
    });
  }

  /**
   * Writes a checkpoint file for restore(). The file is written whole or not at all, and is on the disk when the promise is
   * fulfilled.
   * @throws what checkpoint() throws; ERR_OUTPUT if the file cannot be written
   */
  async save(path: string): Promise<void> {
    checkArgument('path', pathField, path);
    await writeCheckpoint(path, await this.checkpoint());
  }

  /**
   * Writes a model file, whole or not at all: safetensors with the present weights (their average, if the optimizer keeps one), the
   * graph of the network, the normalisation of its images, the names of its classes, and a card that says where the weights come from.
   * loadModel() and loadPredictor() need no code of the network. A network that no file can hold, for example because it reads
   * an input of its own, is written without its graph; the metadata `graphMissing` say why.
   * @throws ERR_OUTPUT if the file cannot be written; ERR_DISPOSED; ERR_BUSY while steps are computed
   */
  async saveWeights(path: string): Promise<void> {
    checkArgument('path', pathField, path);
    const { model, train: data } = this.#options;
    const weights = await this.#betweenSteps('Weights can be saved', async () =>
      collectWeights({ model, statistics: await this.statistics(), data, card: await this.card() }, this.state),
    );
    writeSafetensors(path, weights);
  }

  /** Returns what a model file says of this training, as it is now. @throws what reading the data throws */
  async card(): Promise<ModelCard> {
    return cardOf({ saturnn: version, ...(await this.#describe()), position: this.#cursor.save(), from: this.#from });
  }

  /**
   * Sets parameters and running statistics to those of a file that saveWeights() has written for such a model, or of a safetensors file of
   * a PyTorch module of the same structure, for a training that begins with them. Optimizer and progress stay as they are. For other
   * names, convertWeights() takes a map.
   * @throws ERR_DATA if the file cannot be read or lacks a tensor of the model; ERR_DISPOSED; ERR_BUSY while steps are computed
   */
  async loadWeights(path: string): Promise<void> {
    const load = () => loadWeights(path, this.#options.model, this.state);
    await this.#betweenSteps('Weights can be loaded', load);
  }

  /**
   * Restores a checkpoint of the same model, data and settings. The next fit() computes what the run that wrote it would have
   * computed next, bit for bit on the same kind of machine; on another kind it yields a warning event first. Settings may change on
   * request, for example for a lower learning rate after ERR_NON_FINITE; the next fit() then yields a changed event first.
   * @param options `change`: names of settings that may differ; `rateFactor`: a factor on all learning rates from here on
   * @throws ERR_CHECKPOINT naming what is wrong with the file, or the first difference; the training, its schedule and its callbacks
   * are then as before. ERR_BUSY while a fit() computes; one that waits at an event is ended. ERR_DISPOSED; ERR_INVALID_ARGUMENT
   */
  async restore(path: string, options: RestoreOptions = {}): Promise<void> {
    checkArgument('path', pathField, path);
    const asked = checkRestore(options);
    this.#runners.checkNotDisposed();
    await this.#occupy('restore');
    try {
      const checkpoint = await readCheckpoint(path);
      const here = await this.#describe();
      this.#change = await applyCheckpoint(path, checkpoint, this.#options, this.state, this.#cursor, here, asked);
      this.#restoredMachine = checkpoint.info.machine;
      this.#from = checkpoint.info.from;
    } finally {
      this.#busy = null;
    }
  }

  /** Frees the plans, the data on the device, and the State. */
  dispose(): void {
    this.#owner.disposed = true;
    this.#runners.dispose();
    this.#predictor?.then((predictor) => predictor.dispose()).catch(() => {});
    this.state.dispose();
  }

  /** For `using`: dispose(). */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * Returns the result of `read`, after checking that no step was computed while it read the State. `what` begins the message.
   * @throws ERR_DISPOSED; ERR_BUSY
   */
  async #betweenSteps<T>(what: string, read: () => Promise<T>): Promise<T> {
    const { step } = this;
    const checkStill = () => {
      this.#runners.checkNotDisposed();
      if (this.#running || step !== this.step)
        throw new SaturnnError('ERR_BUSY', `${what} only between the events of fit(), not while steps are computed`);
    };
    checkStill();
    const result = await read();
    checkStill();
    return result;
  }

  /**
   * Begins a fit() or restore(). An earlier fit() that waits at an event is ended, because nobody might ever read on in it.
   * @throws ERR_BUSY if the earlier one computes
   */
  async #occupy(next: RunningFit | 'restore'): Promise<void> {
    const earlier = this.#busy;
    if (earlier === 'restore' || earlier?.isWaiting === false)
      throw new SaturnnError('ERR_BUSY', 'another fit() or restore() of this Trainer is under way');
    this.#busy = next;
    await earlier?.replace();
  }

  async *#fit(last: number, signal?: AbortSignal): AsyncGenerator<TrainEvent, void, void> {
    const cursor = this.#cursor;
    const check = () => this.#runners.checkNotDisposed();
    const announcer = new Announcer(this, this.#options.callbacks, cursor, last, check);
    const started = performance.now();
    yield* this.#machineWarning();
    const change = this.#change;
    this.#change = null;
    if (change) yield* announcer.tell('onChanged', { event: 'changed', ...change });
    // If the run was interrupted after the last step of an epoch, the epoch's evaluation is still to be done.
    while (!cursor.isReported || (cursor.step < last && cursor.stopping === null)) {
      for await (const event of this.#steps(last, signal)) yield* announcer.tell('onStep', event);
      yield* announcer.tell('onEpoch', await this.#finishEpoch(last, signal));
    }
    let reported = cursor.reported!;
    const { stopping: reason } = cursor;
    if (reason !== null) {
      const { step, epoch } = reported;
      const stopped: StoppedEvent = { event: 'stopped', step, epoch, reason };
      try {
        yield* announcer.tell('onStopped', stopped, (epoch) => {
          reported = epoch;
        });
      } finally {
        // A later fit() may go on, even if the caller left this one's loop at the event.
        cursor.stopping = null;
      }
    }
    const end = endEventOf(cursor, reported, performance.now() - started);
    yield* announcer.tell('onEnd', end);
  }

  /** Trains from the current step to the next evaluation, the end of its epoch or step `last`, or until a callback ends training. */
  async *#steps(last: number, signal?: AbortSignal): AsyncGenerator<StepEvent, void, void> {
    const cursor = this.#cursor;
    if (cursor.stopping !== null) return;
    const runner = await this.#fitRunner();
    const { begin, epoch } = cursor;
    const draws = runner.reads('partCounter');
    const { test, evaluateEvery, accumulate: parts, seed } = this.#options;
    const pause = test ? nextEvaluation(evaluateEvery, cursor) : Number.POSITIVE_INFINITY;
    const runs = runner.run({
      epoch: this.#loader.epoch(epoch),
      first: cursor.step - begin,
      last: Math.min(cursor.end, last, pause) - begin,
      inputsOf: (batch, batches) => {
        const rates = batches.rows.map((_, index) => this.#rate(begin + batch + index, last));
        return updateInputs({ parts, seed, draws }, begin + batch, rates);
      },
      inputsAhead: (batches) => rowInputs({ ...this.#options, parts }, epoch, batches),
      most: (batch) => mostSteps(this.#options.callbacks, begin + batch),
      signal,
    });
    this.#running = true;
    for await (const run of runs) {
      this.#running = false;
      cursor.step += run.result.steps;
      cursor.tally.add(run.batches, run.result, run.milliseconds);
      if (!run.result.finite) throw await nonFiniteError(this.step + 1, runner, run);
      yield stepEventOf(cursor, run, this.#rate(cursor.step - 1, last));
      if (cursor.stopping !== null) return;
      this.#running = true;
    }
    this.#running = false;
  }

  #rate(step: number, last: number): number {
    const { schedule } = this.#options;
    const cursor = this.#cursor;
    const length = { stepsPerEpoch: this.stepsPerEpoch, totalSteps: cursor.scheduled(last) };
    return checkScheduledRate(cursor.rateFactor * schedule.at(cursor.scheduled(step), length), schedule, step);
  }

  async #finishEpoch(last: number, signal?: AbortSignal): Promise<EpochEvent> {
    const cursor = this.#cursor;
    const { test: testSet, evaluateEvery, schedule } = this.#options;
    const due = isDue(evaluateEvery, cursor);
    const isLast = cursor.step >= last || cursor.stopping !== null;
    const isEvaluated = testSet !== null && (due || isLast);
    const test = isEvaluated ? await summaryOfSplit(this.#options, this.#runners, 'test', signal) : null;
    const event = epochEventOf(cursor, { test, role: testSet?.role, due }, this.#rate(cursor.step - 1, last));
    cursor.report(event);
    const observed = observedOf(event);
    if (observed) schedule.observe?.(observed);
    return event;
  }

  #fitRunner(): Promise<Runner> {
    const { train, optimizer, loss, labelSmoothing, weightsByClass, augmenter, frozen, accumulate } = this.#options;
    const parts = accumulate > 1;
    const weighting = { labelSmoothing, weighted: weightsByClass !== null || !!train.weights || parts };
    const step = { tables: augmenter.names, frozen: frozen.buffers, parts, loss };
    const graph = (options: StepGraphOptions) => trainGraph({ ...options, ...step }, optimizer, weighting);
    return this.#runners.get('fit', train, graph, { parts: accumulate });
  }

  /** Returns the description of the run, made once, because it reads a part of the data. */
  #describe(): Promise<RunDescription> {
    this.#description ??= describeRun(this.#options, this.state).catch((error) => {
      this.#description = null;
      throw error;
    });
    return this.#description;
  }

  /** Returns the description of the device, with the kernels of a training step if it has been compiled. */
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
    // A checkpoint that was written before the first step has no kernels to compare, and other settings may need other kernels.
    const withoutKernels = (machine: Description): Description => ({ ...machine, kernels: null });
    const isComparable = saved.kernels !== null && this.#change === null;
    const difference = isComparable
      ? firstDifference(saved, here)
      : firstDifference(withoutKernels(saved), withoutKernels(here));
    if (!difference) return;
    const message = `The checkpoint was written on another kind of machine (${difference}): results may not be equal bit for bit`;
    yield { event: 'warning', step: this.step, message };
  }
}

/** Returns the number of steps from `step` to the next one at which a callback must be called; Infinity if there is none. */
function mostSteps(callbacks: readonly Callback[], step: number): number {
  return Math.min(...callbacks.map(({ everySteps }) => (everySteps ? everySteps - (step % everySteps) : Infinity)));
}

/** Returns the schedule and the callbacks with their names for messages. */
const rememberingOf = ({ schedule, callbacks }: ResolvedOptions) => [
  [`Schedule "${schedule.name}"`, schedule] as const,
  ...callbacks.map((callback) => [`Callback "${callback.name}"`, callback] as const),
];
