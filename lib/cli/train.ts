/** `saturnn train`: a model, a data set, a folder of results. */
import { relative } from 'node:path';
import { Command, Option } from 'commander';
import { SaturnnError } from '../errors';
import { describeLayerRates } from '../experiments/layerRates';
import { formatActivation } from '../ops/activation';
import type { Sgd } from '../optim/sgd';
import type { EndEvent } from '../train/events';
import { RunFolder, type Saved } from '../train/run';
import { type FitOptions, Trainer } from '../train/trainer';
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
    if (!isResumed(options)) return train(options, given, false);
    const { out, resume, json } = options;
    const resumed = resumedOptions<TrainOptions>(out!, given, withOptions);
    return train({ ...resumed.options, out, resume, json }, resumed.given, true);
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

async function train(options: TrainOptions, given: Given, resumed: boolean): Promise<void> {
  const { batch, seed, labelSmoothing, steps } = options;
  const epochs = steps === undefined ? (options.epochs ?? defaultEpochs) : undefined;
  const device = openDeviceFor(options);
  const { train, test, statistics, mode, close } = await openData(options);
  try {
    const model = modelFrom(options, train.classes);
    const optimizer = optimizerFrom(options, model);
    const { momentum, weightDecay } = optimizer as Partial<Sgd>;
    const schedule = scheduleFrom(options);
    using folder = new RunFolder(options.out ?? defaultFolder(options), {
      resume: options.resume !== undefined,
      checkpoints: checkpointsFrom(options),
    });
    const callbacks = [...earlyStoppingFrom(options), ...folder.callbacks];
    const data = { train, test, statistics, data: mode };
    const rule = { optimizer, schedule, labelSmoothing, ...arithmeticOf(options) };
    using trainer = new Trainer({ model, ...data, ...rule, device, batch, seed, callbacks });
    if (resumed) await folder.restore(trainer, options.resume === 'previous' ? 'previous' : 'last');
    const settings = {
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
    };
    folder.configure({ ...settings, given });
    const rates = layerRatesFrom(options, model);
    if (rates && !options.json) process.stdout.write(`${describeLayerRates(options.lrLayers!, rates)}\n`);
    if (!resumed) {
      const prepared = await options.init.prepare({
        model,
        state: trainer.state,
        dataset: train,
        statistics,
        device,
        seed,
      });
      if (prepared && !options.json) process.stdout.write(`${prepared}\n`);
    }
    const { end, failure } = await runToEnd(trainer, { totalEpochs: epochs, totalSteps: steps }, folder, options);
    const saved = await folder.finish(model, trainer.state, await trainer.statistics(), settings);
    if (options.json) process.stdout.write(`${JSON.stringify({ event: 'saved', out: folder.path, ...saved })}\n`);
    else process.stdout.write(summary(end, model.classes, saved));
    if (failure) throw failure;
  } finally {
    await close();
  }
}

/**
 * Runs to the end, or until Ctrl-C or numbers that are not finite stop it: what was learned until then is kept, and the
 * failure is returned to be thrown when it is saved.
 */
async function runToEnd(
  trainer: Trainer,
  length: FitOptions,
  folder: RunFolder,
  { json = false }: TrainOptions,
): Promise<{ end: EndEvent | null; failure: SaturnnError | null }> {
  const steps = trainer.step + trainer.stepsOf(length);
  const progress = createProgress({ steps, done: trainer.step, stepsPerEpoch: trainer.stepsPerEpoch, json });
  const interruption = new Interruption();
  let end: EndEvent | null = null;
  try {
    for await (const event of trainer.fit({ ...length, signal: interruption.signal })) {
      progress.show(event);
      if (event.event === 'end') end = event;
    }
    return { end, failure: null };
  } catch (error) {
    if (!(error instanceof SaturnnError)) throw error;
    if (error.code === 'ERR_NON_FINITE') return { end, failure: error };
    if (error.code !== 'ERR_INTERRUPTED') throw error;
    progress.show(await folder.checkpoints.write(trainer));
    return { end, failure: new SaturnnError(error.code, `Interrupted after step ${trainer.step}`) };
  } finally {
    progress.stop();
    interruption.dispose();
  }
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
