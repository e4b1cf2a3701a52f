/** `saturnn train`: a model, a data set, a folder of results. */
import { relative } from 'node:path';
import { Command, Option } from 'commander';
import { generated, generatedCounts } from '../data/generated';
import { openDevice, type Precision, precisions } from '../device';
import { SaturnnError } from '../errors';
import { createModel, models } from '../models';
import { type Activation, formatActivation, leakyTanh } from '../ops/activation';
import { Sgd } from '../optim/sgd';
import type { EndEvent } from '../train/events';
import { RunFolder } from '../train/run';
import { type FitOptions, Trainer } from '../train/trainer';
import * as read from './options';
import { createProgress, percent } from './progress';

interface TrainOptions {
  data: 'generated';
  model: string;
  width: number;
  activation: Activation;
  device: string;
  precision: Precision;
  batch?: number;
  epochs?: number;
  steps?: number;
  limit?: number;
  lr: number;
  momentum: number;
  weightDecay: number;
  seed: number;
  out?: string;
  json?: boolean;
}

/** Exit code of a shell's program that was interrupted. */
const interrupted = 130;
const defaultEpochs = 10;

export function trainCommand(): Command {
  return new Command('train')
    .description('train a model; write settings, metrics, weights and curves into a folder')
    .addOption(new Option('--data <name>', 'data set').choices(['generated']).default('generated'))
    .addOption(new Option('--model <name>', 'network').choices(Object.keys(models)).default('inception33'))
    .option('--width <w>', 'factor on all channel counts', read.positiveNumber, 1)
    .addOption(
      new Option('--activation <name[:a]>', 'sigmoid, scaledSigmoid, tanh, leakyTanh:a, relu or leakyRelu:a')
        .argParser(read.activation)
        .default(leakyTanh(), formatActivation(leakyTanh())),
    )
    .option('--device <name>', 'auto, cpu, cuda or cuda:N', read.device, 'auto')
    .addOption(new Option('--precision <name>', 'arithmetic').choices(precisions).default('f32'))
    .option('--batch <n>', 'images per step (default: 64 on the CPU, 128 on a GPU)', read.positiveInteger)
    .addOption(
      new Option('--epochs <n>', `passes over the data (default: ${defaultEpochs})`).argParser(read.positiveInteger),
    )
    .addOption(new Option('--steps <n>', 'steps instead of epochs').argParser(read.positiveInteger).conflicts('epochs'))
    .option('--limit <n>', 'use the first n training images, and at most n test images', read.positiveInteger)
    .option('--lr <x>', 'learning rate', read.positiveNumber, 0.01)
    .option('--momentum <x>', 'of SGD', read.fraction, 0.9)
    .option('--weight-decay <x>', 'of weights; biases have none', read.nonNegative, 1e-4)
    .option('--seed <n>', 'of initial weights, order and augmentation', read.seed, 0)
    .option('--out <dir>', 'folder of the results (default: runs/MODEL-ACTIVATION-TIME)')
    .option('--json', 'print every event as a line of JSON')
    .action(train);
}

async function train(options: TrainOptions): Promise<void> {
  const { width, activation, precision, seed, lr, momentum, weightDecay, steps } = options;
  const epochs = steps === undefined ? (options.epochs ?? defaultEpochs) : undefined;
  const model = createModel(options.model, { width, activation });
  const device = openDevice(options.device);
  const atMost = (count: number) => Math.min(count, options.limit ?? count);
  const data = generated({ train: atMost(generatedCounts.train), test: atMost(generatedCounts.test) });
  const optimizer = new Sgd({ momentum, weightDecay });
  const { batch } = options;
  const trainer = new Trainer({ model, ...data, device, precision, batch, learningRate: lr, optimizer, seed });
  try {
    const folder = new RunFolder(options.out ?? defaultFolder(options), {
      ...options,
      activation: formatActivation(activation),
      device: device.name,
      batch: trainer.batch,
      epochs,
      out: undefined,
      json: undefined,
      node: process.versions.node,
      deviceInfo: device.info,
    });
    const { end, failure } = await runToEnd(trainer, { epochs, steps }, folder, options.json ?? false);
    const saved = await folder.finish(model, trainer.state);
    if (options.json) process.stdout.write(`${JSON.stringify({ event: 'saved', out: folder.path, ...saved })}\n`);
    else process.stdout.write(summary(end, model.classes, saved));
    if (failure) throw failure;
  } finally {
    trainer.dispose();
  }
}

/**
 * Runs to the end, or until Ctrl-C or numbers that are not finite stop it: what was learned until then is kept, and the
 * failure is returned to be thrown when it is saved. A second Ctrl-C ends the process at once.
 */
async function runToEnd(
  trainer: Trainer,
  { epochs, steps }: FitOptions,
  folder: RunFolder,
  json: boolean,
): Promise<{ end: EndEvent | null; failure: SaturnnError | null }> {
  const total = trainer.stepsOf({ epochs, steps });
  const progress = createProgress(total, Math.ceil(total / trainer.stepsPerEpoch), json);
  const abort = new AbortController();
  const onInterrupt = () => {
    if (abort.signal.aborted) process.exit(interrupted);
    process.exitCode = interrupted;
    abort.abort(new SaturnnError('ERR_INTERRUPTED', `Interrupted after step ${trainer.step}`));
  };
  process.on('SIGINT', onInterrupt);
  let end: EndEvent | null = null;
  try {
    for await (const event of trainer.fit({ epochs, steps, signal: abort.signal })) {
      folder.record(event);
      progress.show(event);
      if (event.event === 'end') end = event;
    }
    return { end, failure: null };
  } catch (error) {
    const kept = error instanceof SaturnnError && ['ERR_INTERRUPTED', 'ERR_NON_FINITE'].includes(error.code);
    if (!kept) throw error;
    return { end, failure: error };
  } finally {
    progress.stop();
    process.off('SIGINT', onInterrupt);
  }
}

function summary(end: EndEvent | null, classes: number, saved: { curves: string; report: string }): string {
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
  return `runs/${model}-${formatActivation(activation).replace(':', '-')}-${time}`;
}
