/** `saturnn train`: trains a model on a data set and writes the results into a folder. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { Command } from 'commander';
import { type Augmentation, formatAugmentation } from '../data/augmentation/kinds';
import type { Validation } from '../data/validation';
import { SaturnnError } from '../errors';
import { describeLayerRates } from '../experiments/layerRates';
import type { Model } from '../models';
import { formatActivation } from '../ops/activation';
import type { Sgd } from '../optim/sgd';
import { changeableSettings, SettingsDiffer } from '../train/checkpoint/changes';
import type { EndEvent } from '../train/events';
import { NonFinite } from '../train/nonFinite';
import type { RateSearchOptions } from '../train/rates/findLearningRate';
import { hasCheckpoint, type Saved } from '../train/runFolder';
import type { Trainer } from '../train/trainer';
import { runTraining, type TrainingBegin, type TrainingWatch } from '../train/training';
import { checkSearch, findLrOption, findRate } from './findRate';
import { type ArithmeticOptions, addArithmeticOptions, arithmeticOf, openDeviceFor } from './options/arithmetic';
import { augmentationFrom, augmentOption } from './options/augment';
import { balanceOption, type ClassWeightsOptions, classWeightsFrom, classWeightsOption } from './options/classWeights';
import { addDataOptions, type DataOptions, noTestOption, openData, validationOption } from './options/data';
import { addOptions } from './options/declare';
import {
  describeFileNetwork,
  type FineTuneOptions,
  fineTuneOptions,
  fineTuningOf,
  imagesOf,
  isNetworkOfFile,
  isNormalizedByFile,
  networkOfFile,
  picturesOfFile,
  withModelOfWeights,
} from './options/fineTune';
import { accumulateOption, batchByDevice, batchOption, epochsOption, seedOption, stepsOption } from './options/length';
import { addModelOptions, describeImages, describeModelOptions, type ModelOptions, modelFrom } from './options/model';
import {
  addOptimizerOptions,
  layerRatesFrom,
  learningRateFrom,
  type OptimizerOptions,
  optimizerFrom,
  scheduleFrom,
} from './options/optimizer';
import { networkSize } from './options/pictures';
import { collectGiven, type Given, isResumed, optionsOf, resumedOptions } from './options/resume';
import { addRunOptions, checkpointsFrom, earlyStoppingFrom, type RunOptions } from './options/run';
import { Interruption } from './terminal/interruption';
import { print } from './terminal/print';
import { createProgress, percent } from './terminal/progress';
import { commandOf } from './terminal/trainings';

interface TrainOptions
  extends DataOptions,
    ModelOptions,
    OptimizerOptions,
    ClassWeightsOptions,
    RunOptions,
    ArithmeticOptions,
    FineTuneOptions {
  augment?: readonly Augmentation[];
  batch?: number;
  accumulate: number;
  epochs?: number;
  steps?: number;
  findLr?: RateSearchOptions;
  seed: number;
  /** False with --no-test. */
  test: boolean;
  validation?: Validation;
}

const defaultEpochs = 10;

export function trainCommand(): Command {
  const command = withOptions();
  const given = collectGiven(command);
  return command.action(async (options: TrainOptions) => {
    const { out, resume, json, change } = options;
    if (!isResumed(options)) {
      const all = withModelOfWeights(options, given);
      return train({ ...optionsOf<TrainOptions>(withOptions(), all), out, resume, json }, all);
    }
    const resumed = resumedOptions<TrainOptions>(out!, given, withOptions);
    checkWeights(resumed.options, out!);
    return train({ ...resumed.options, out, resume, json, change: change || resumed.goesOnChanged }, resumed.given);
  });
}

/** Checks that the file of weights with which a run began is still there: it holds the network. @throws ERR_DATA */
function checkWeights({ weights }: TrainOptions, out: string): void {
  if (weights === undefined || existsSync(weights)) return;
  const message = `${weights}, with whose weights the run in ${out} began, is no longer there: --weights says where it is now`;
  throw new SaturnnError('ERR_DATA', message);
}

/** Makes the command without its action. */
export function withOptions(): Command {
  const command = new Command('train').description(
    'train a model; write settings, metrics, checkpoints, weights and curves into a folder',
  );
  addOptions(
    addArithmeticOptions(addModelOptions(addDataOptions(command))),
    batchOption({ otherwise: batchByDevice }),
    accumulateOption(),
    epochsOption({ otherwise: `${defaultEpochs}` }),
    stepsOption({ note: 'instead of --epochs' }).conflicts('epochs'),
    ...[seedOption(), noTestOption(), validationOption(), findLrOption()],
    ...fineTuneOptions(),
  );
  return addRunOptions(
    addOptions(addOptimizerOptions(command), augmentOption(), classWeightsOption(), balanceOption()),
  );
}

async function train(options: TrainOptions, given: Given): Promise<void> {
  const { batch, accumulate, seed, labelSmoothing, evaluateEvery, steps, json = false } = options;
  const epochs = steps === undefined ? (options.epochs ?? defaultEpochs) : undefined;
  if (options.findLr) checkSearch(given);
  const device = openDeviceFor(options);
  const file = isNetworkOfFile(options, given) ? networkOfFile(options.weights!) : null;
  const opened = await openData({ ...options, ...(file && imagesOf(file)), ...picturesOfFile(options) });
  const { train, test, mode, close } = opened;
  const statistics = isNormalizedByFile(options, given) ? undefined : opened.statistics;
  // Until the results are saved: a second SIGHUP or SIGTERM meanwhile must not end the process.
  const interruption = new Interruption();
  try {
    const model = file ?? modelFrom({ ...options, ...networkSize(opened, options) }, train);
    const optimizer = optimizerFrom(options, model);
    const { momentum, weightDecay } = optimizer as Partial<Sgd>;
    const schedule = scheduleFrom(options);
    const classWeights = classWeightsFrom(options);
    const { augmentation, note } = augmentationFrom(options.augment, train);
    if (note && !json) print(`${note}\n`);
    const settingsOf = (trainer: Trainer) => ({
      ...options,
      ...(file
        ? describeFileNetwork(model)
        : { ...describeModelOptions(options), normalization: model.normalization, ...describeImages(model) }),
      ...(statistics ? {} : { mean: undefined, scale: undefined }),
      ...{ classWeights, balance: undefined, test: options.test ? undefined : false },
      ...{ augmentation: formatAugmentation(augmentation), augment: undefined },
      lr: learningRateFrom(options),
      momentum,
      weightDecay,
      device: device.name,
      batch: trainer.batch,
      epochs,
      ...{ out: undefined, resume: undefined, change: undefined, json: undefined },
      node: process.versions.node,
      deviceInfo: device.info,
    });
    const folder = resolve(options.out ?? defaultFolder(model));
    const training = {
      ...{ ...fineTuningOf(options, train.classes), ...arithmeticOf(options), model: file ? undefined : model },
      ...{ train, statistics, data: mode, device, batch, accumulate, seed },
      ...{ optimizer, labelSmoothing, classWeights, augmentation },
    };
    if (options.findLr) {
      const search = { ...options.findLr, signal: interruption.signal };
      return await findRate({ training, search, prepare: options.init.prepare, out: folder, json });
    }
    let begun = 0;
    const trained = runTraining({
      change: options.change ? changeableSettings : undefined,
      ...{
        ...training,
        test: test ?? undefined,
        schedule,
        evaluateEvery,
        onNonFinite: options.onNonFinite ?? undefined,
      },
      ...{ folder, resume: options.resume, checkpoints: checkpointsFrom(options, test !== null) },
      length: { totalEpochs: epochs, totalSteps: steps },
      callbacks: earlyStoppingFrom(options, test !== null),
      describe(trainer) {
        const report = settingsOf(trainer);
        return { config: { ...report, given }, report };
      },
      prepare: options.init.prepare,
      onPrepared: (line) => json || print(`${line}\n`),
      watch(begin) {
        const rates = json ? null : layerRatesFrom(options, model);
        if (rates) print(`${describeLayerRates(options.lrLayers!, rates)}\n`);
        begun = begin.done;
        return watchTraining(begin, json, interruption);
      },
    });
    const { end, failure, saved, step } = await trained.catch(adviseChange);
    if (json) print(`${JSON.stringify({ event: 'saved', out: folder, ...saved })}\n`);
    else print(summary(end, options.newHead ? train.classes : model.classes, saved!));
    if (failure)
      throw adviseLowerRate(failure, folder, { rate: learningRateFrom(options), isFirst: step > 0 && step === begun });
  } finally {
    interruption.dispose();
    await close();
  }
}

/** Throws an error again; if settings differ that may change, with the option that changes them. */
function adviseChange(error: unknown): never {
  if (!(error instanceof SettingsDiffer)) throw error;
  const message = `${error.message}. --resume --change goes on with the new value`;
  throw new SaturnnError(error.code, message, { cause: error });
}

/**
 * Adds to an ERR_NON_FINITE the command that goes on from a checkpoint, if there is one. The loss of the first step after the
 * checkpoint does not depend on the learning rate: if it overflowed, only other parameters help.
 */
function adviseLowerRate(
  failure: SaturnnError,
  folder: string,
  { rate, isFirst }: { readonly rate: number; readonly isFirst: boolean },
): SaturnnError {
  if (failure.code !== 'ERR_NON_FINITE' || !hasCheckpoint(folder)) return failure;
  const cause = failure instanceof NonFinite ? failure : failure.cause;
  if (isFirst && cause instanceof NonFinite && !cause.inUpdate) {
    const remedy =
      'begin a new run with a lower --lr, or go on from an earlier checkpoint (--resume previous --change --lr X)';
    const message = `${failure.message} The parameters of the checkpoint are too large already: ${remedy}`;
    return new SaturnnError(failure.code, message, { cause: failure });
  }
  const out = relative('', folder) || '.';
  const next = commandOf('train', { '--out': out, '--resume': true, '--change': true, '--lr': `${rate / 10}` });
  return new SaturnnError(failure.code, `${failure.message} To go on from the last checkpoint: ${next}`, {
    cause: failure,
  });
}

/** Shows progress and lets Ctrl-C interrupt while steps are computed. */
function watchTraining(begin: TrainingBegin, json: boolean, interruption: Interruption): TrainingWatch {
  const progress = createProgress({ ...begin, json });
  return {
    signal: interruption.signal,
    show: (event) => progress.show(event),
    stop: () => progress.stop(),
  };
}

function summary(end: EndEvent | null, classes: number, saved: Saved): string {
  const lines: string[] = [];
  if (end) {
    const { trainAccuracy, testAccuracy, evaluated = 'test', imagesPerSecond, seconds } = end;
    const chance = percent(1 / classes);
    const test = testAccuracy === undefined ? '' : `, ${evaluated} accuracy ${percent(testAccuracy)}`;
    lines.push(`train accuracy ${percent(trainAccuracy!)}${test} (chance: ${chance})`);
    lines.push(`${imagesPerSecond.toFixed(0)} images/s in training, ${seconds.toFixed(0)} s in all`);
  }
  lines.push(`curves: ${relative('', saved.curves)}`, `report: ${relative('', saved.report)}`);
  return `${lines.join('\n')}\n`;
}

function defaultFolder({ name, activation }: Model): string {
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  return `runs/${name}-${formatActivation(activation).replaceAll(':', '-')}-${time}`;
}
