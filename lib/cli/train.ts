/** `saturnn train`: a model, a data set, a folder of results. */
import { relative, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { describeLayerRates } from '../experiments/layerRates';
import { formatActivation } from '../ops/activation';
import type { Sgd } from '../optim/sgd';
import type { EndEvent } from '../train/events';
import type { Saved } from '../train/runFolder';
import type { Trainer } from '../train/trainer';
import { runTraining, type TrainingBegin, type TrainingWatch } from '../train/training';
import { type ArithmeticOptions, addArithmeticOptions, arithmeticOf, openDeviceFor } from './arithmeticOptions';
import { addDataOptions, type DataOptions, openData } from './dataOptions';
import { Interruption } from './interruption';
import { addModelOptions, describeModelOptions, type ModelOptions, modelFrom } from './modelOptions';
import {
  addOptimizerOptions,
  layerRatesFrom,
  learningRateFrom,
  type OptimizerOptions,
  optimizerFrom,
  scheduleFrom,
} from './optimizerOptions';
import * as read from './options';
import { createProgress, percent } from './progress';
import {
  addRunOptions,
  checkpointsFrom,
  collectGiven,
  earlyStoppingFrom,
  type Given,
  isResumed,
  type RunOptions,
  resumedOptions,
} from './runOptions';

interface TrainOptions extends DataOptions, ModelOptions, OptimizerOptions, RunOptions, ArithmeticOptions {
  batch?: number;
  epochs?: number;
  steps?: number;
  seed: number;
}

const defaultEpochs = 10;

export function trainCommand(): Command {
  const command = withOptions();
  const given = collectGiven(command);
  return command.action(async (options: TrainOptions) => {
    if (!isResumed(options)) return train(options, given);
    const { out, resume, json } = options;
    const resumed = resumedOptions<TrainOptions>(out!, given, withOptions);
    return train({ ...resumed.options, out, resume, json }, resumed.given);
  });
}

/** The command, with nothing to do. */
export function withOptions(): Command {
  const command = new Command('train').description(
    'train a model; write settings, metrics, checkpoints, weights and curves into a folder',
  );
  addArithmeticOptions(addModelOptions(addDataOptions(command)))
    .option('--batch <n>', 'images per step (default: 64 on the CPU, 128 on a GPU)', read.positiveInteger)
    .addOption(
      new Option('--epochs <n>', `passes over the data (default: ${defaultEpochs})`).argParser(read.positiveInteger),
    )
    .addOption(new Option('--steps <n>', 'steps instead of epochs').argParser(read.positiveInteger).conflicts('epochs'))
    .option('--seed <n>', 'of initial weights, order and augmentation', read.seed, 0);
  return addRunOptions(addOptimizerOptions(command));
}

async function train(options: TrainOptions, given: Given): Promise<void> {
  const { batch, seed, labelSmoothing, steps, json = false } = options;
  const epochs = steps === undefined ? (options.epochs ?? defaultEpochs) : undefined;
  const device = openDeviceFor(options);
  const { train, test, statistics, mode, close } = await openData(options);
  try {
    const model = modelFrom(options, train.classes);
    const optimizer = optimizerFrom(options, model);
    const { momentum, weightDecay } = optimizer as Partial<Sgd>;
    const schedule = scheduleFrom(options);
    const settingsOf = (trainer: Trainer) => ({
      ...options,
      ...describeModelOptions(options),
      normalization: model.normalization,
      size: model.inputShape[0],
      lr: learningRateFrom(options),
      momentum,
      weightDecay,
      device: device.name,
      batch: trainer.batch,
      epochs,
      ...{ out: undefined, resume: undefined, json: undefined },
      node: process.versions.node,
      deviceInfo: device.info,
    });
    const folder = resolve(options.out ?? defaultFolder(options));
    const { end, failure, saved } = await runTraining({
      ...{ folder, resume: options.resume, checkpoints: checkpointsFrom(options) },
      ...{ model, train, test, statistics, data: mode, device, batch, seed },
      ...{ optimizer, schedule, labelSmoothing, ...arithmeticOf(options) },
      length: { totalEpochs: epochs, totalSteps: steps },
      callbacks: earlyStoppingFrom(options),
      describe(trainer) {
        const report = settingsOf(trainer);
        return { config: { ...report, given }, report };
      },
      prepare: options.init.prepare,
      onPrepared: (line) => json || process.stdout.write(`${line}\n`),
      watch(begin) {
        const rates = json ? null : layerRatesFrom(options, model);
        if (rates) process.stdout.write(`${describeLayerRates(options.lrLayers!, rates)}\n`);
        return watchTraining(begin, json);
      },
    });
    if (json) process.stdout.write(`${JSON.stringify({ event: 'saved', out: folder, ...saved })}\n`);
    else process.stdout.write(summary(end, model.classes, saved!));
    if (failure) throw failure;
  } finally {
    await close();
  }
}

/** Shows progress, and lets Ctrl-C interrupt, while steps are computed. */
function watchTraining(begin: TrainingBegin, json: boolean): TrainingWatch {
  const progress = createProgress({ ...begin, json });
  const interruption = new Interruption();
  return {
    signal: interruption.signal,
    show: (event) => progress.show(event),
    stop() {
      progress.stop();
      interruption.dispose();
    },
  };
}

function summary(end: EndEvent | null, classes: number, saved: Saved): string {
  const lines: string[] = [];
  if (end) {
    const { trainAccuracy, testAccuracy, imagesPerSecond, seconds } = end;
    const chance = percent(1 / classes);
    lines.push(`train accuracy ${percent(trainAccuracy)}, test accuracy ${percent(testAccuracy)} (chance: ${chance})`);
    lines.push(`${imagesPerSecond.toFixed(0)} images/s in training, ${seconds.toFixed(0)} s in all`);
  }
  lines.push(`curves: ${relative('', saved.curves)}`, `report: ${relative('', saved.report)}`);
  return `${lines.join('\n')}\n`;
}

function defaultFolder({ model, activation }: TrainOptions): string {
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  return `runs/${model}-${formatActivation(activation).replaceAll(':', '-')}-${time}`;
}
