/** `saturnn train`: trains a model on a data set and writes the results into a folder. */
import { relative, resolve } from 'node:path';
import { Command } from 'commander';
import { describeLayerRates } from '../experiments/layerRates';
import { formatActivation } from '../ops/activation';
import type { Sgd } from '../optim/sgd';
import type { EndEvent } from '../train/events';
import type { Saved } from '../train/runFolder';
import type { Trainer } from '../train/trainer';
import { runTraining, type TrainingBegin, type TrainingWatch } from '../train/training';
import { type ArithmeticOptions, addArithmeticOptions, arithmeticOf, openDeviceFor } from './options/arithmetic';
import { addDataOptions, type DataOptions, openData } from './options/data';
import { addOptions } from './options/declare';
import { batchByDevice, batchOption, epochsOption, seedOption, stepsOption } from './options/length';
import { addModelOptions, describeModelOptions, type ModelOptions, modelFrom } from './options/model';
import {
  addOptimizerOptions,
  layerRatesFrom,
  learningRateFrom,
  type OptimizerOptions,
  optimizerFrom,
  scheduleFrom,
} from './options/optimizer';
import { collectGiven, type Given, isResumed, resumedOptions } from './options/resume';
import { addRunOptions, checkpointsFrom, earlyStoppingFrom, type RunOptions } from './options/run';
import { Interruption } from './terminal/interruption';
import { createProgress, percent } from './terminal/progress';

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

/** Makes the command without its action. */
export function withOptions(): Command {
  const command = new Command('train').description(
    'train a model; write settings, metrics, checkpoints, weights and curves into a folder',
  );
  addOptions(
    addArithmeticOptions(addModelOptions(addDataOptions(command))),
    batchOption({ otherwise: batchByDevice }),
    epochsOption({ otherwise: `${defaultEpochs}` }),
    stepsOption({ note: 'instead of --epochs' }).conflicts('epochs'),
    seedOption(),
  );
  return addRunOptions(addOptimizerOptions(command));
}

async function train(options: TrainOptions, given: Given): Promise<void> {
  const { batch, seed, labelSmoothing, steps, json = false } = options;
  const epochs = steps === undefined ? (options.epochs ?? defaultEpochs) : undefined;
  const device = openDeviceFor(options);
  const { train, test, statistics, mode, close } = await openData(options);
  // Until the results are saved: a second SIGHUP or SIGTERM meanwhile must not end the process.
  const interruption = new Interruption();
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
        return watchTraining(begin, json, interruption);
      },
    });
    if (json) process.stdout.write(`${JSON.stringify({ event: 'saved', out: folder, ...saved })}\n`);
    else process.stdout.write(summary(end, model.classes, saved!));
    if (failure) throw failure;
  } finally {
    interruption.dispose();
    await close();
  }
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
