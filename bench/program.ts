/**
 * `npm run bench -- ...`: the command `saturnn bench` with three more subcommands, which need the repository: compare,
 * install and data.
 */
import { Command } from 'commander';
import { benchCommand, roundsOption, saveOption } from '../lib/cli/bench';
import { precisionOption } from '../lib/cli/options/arithmetic';
import { dataDirOption, limitOption, testLimitOption } from '../lib/cli/options/data';
import { addOptions } from '../lib/cli/options/declare';
import { batchOption, epochsOption, stepsOption } from '../lib/cli/options/length';
import { activationOption, modelOption, widthOption } from '../lib/cli/options/model';
import { lrOption } from '../lib/cli/options/optimizer';
import { jsonOption, oneObject } from '../lib/cli/options/output';
import * as read from '../lib/cli/options/readers';
import { writeJson } from '../lib/measure/harness';
import { modelDefaults } from '../lib/models/defaults';
import { formatActivation } from '../lib/ops/activation';
import { table } from '../lib/report/textTable';
import { type CompareNetworksOptions, compareNetworks, type NetworksReport } from './compare/networks';
import { type CompareOptions, type CompareReport, comparePytorch } from './compare/pytorch';
import { comparable, inTorchvision } from './compare/setup';
import {
  type ComparedTraining,
  type CompareTrainingOptions,
  compareTraining,
  type TrainingResult,
} from './compare/training';
import { type DataReport, measureData } from './data';
import { type InstallReport, measureInstall } from './install';

interface Output {
  json?: boolean;
  save?: string;
}

function compareNetworksCommand(): Command {
  const networks = new Command('networks').description(
    'times one training step of resnet18 and mobilenetV2 on 32x32 images here and in PyTorch, alternately',
  );
  addOptions(
    networks,
    batchOption({ default: 128 }),
    roundsOption({ default: 9 }),
    stepsOption({ note: 'per measurement', default: 1 }),
  );
  addTurnOptions(networks);
  return addOptions(networks, jsonOption({ note: oneObject }), saveOption()).action(
    async ({ json, save, ...options }: CompareNetworksOptions & Output) => {
      const report = await compareNetworks(options);
      if (save !== undefined) writeJson(save, report);
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : formatNetworks(report.networks));
    },
  );
}

function compareTrainingCommand(): Command {
  const training = new Command('training').description(
    'trains resnet18 and mobilenetV2 on CIFAR-100 here and in PyTorch, from the same first weights, and compares the accuracies',
  );
  addOptions(
    training,
    dataDirOption(),
    limitOption({ default: 10_000 }),
    testLimitOption({ default: 2_000 }),
    epochsOption({ default: 10 }),
    batchOption({ note: ', a divisor of the number of images', default: 100 }),
    lrOption({ note: ', which falls to 0 along a cosine', default: 0.05 }),
  );
  training
    .option(
      '--network <name,...>',
      'networks that are trained',
      read.list(read.oneOf(inTorchvision), { distinct: true }),
      inTorchvision,
    )
    .option('--seeds <n>', 'trainings of each network', read.positiveInteger, 1)
    .option('--threads <n>', 'threads of each side (default: one per physical core)', read.positiveInteger);
  return addOptions(training, jsonOption({ note: oneObject }), saveOption()).action(
    async ({ json, save, network: networks, ...options }: TrainingCommandOptions) => {
      const report = await compareTraining({ ...options, networks }, (result) => {
        if (!json) process.stdout.write(trainingLine(result));
      });
      if (save !== undefined) writeJson(save, report);
      if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
    },
  );
}

type TrainingCommandOptions = Omit<CompareTrainingOptions, 'networks'> & Output & { network: string[] };

function trainingLine({ network, seed, saturnn, pytorch }: ComparedTraining): string {
  const side = ({ trainLoss, testAccuracy, seconds }: TrainingResult) =>
    `train loss ${trainLoss.toFixed(3)}, test accuracy ${(100 * testAccuracy).toFixed(2)} % (${seconds.toFixed(0)} s)`;
  return `${network}, seed ${seed}: saturnn ${side(saturnn)}; PyTorch ${side(pytorch)}\n`;
}

/** Adds the options of every comparison that takes turns. */
const addTurnOptions = (command: Command): Command =>
  command
    .option('--warmup <n>', 'measurements before these, not reported', read.wholeNumber, 2)
    .option('--threads <n>', 'threads of each side (default: one per physical core)', read.positiveInteger);

function compareCommand(): Command {
  const pytorch = new Command('pytorch').description(
    'times one training step here and in PyTorch, alternately (SATURNN_PYTHON names the Python; default python3)',
  );
  addOptions(
    pytorch,
    modelOption({ choices: comparable, default: 'subInception', shown: 'subInception' }),
    ...[widthOption(), batchOption({ default: 128 }), precisionOption()],
    // The default of all networks that are compared.
    activationOption({
      default: modelDefaults.activation,
      shown: formatActivation(modelDefaults.activation),
      otherwise: undefined,
    }),
    roundsOption({ default: 9 }),
    stepsOption({ note: 'per measurement', default: 1 }),
  );
  addTurnOptions(pytorch).option('--no-compile', 'for bf16, run PyTorch without torch.compile');
  addOptions(pytorch, jsonOption({ note: oneObject }), saveOption()).action(
    async ({ json, save, ...options }: CompareOptions & Output) => {
      const report = await comparePytorch(options);
      if (save !== undefined) writeJson(save, report);
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : formatComparison(report));
    },
  );
  return new Command('compare')
    .description('times the same work in another framework')
    .addCommand(pytorch)
    .addCommand(compareNetworksCommand())
    .addCommand(compareTrainingCommand());
}

function installCommand(): Command {
  const install = new Command('install').description(
    'times npm install of out/packages from a registry on this machine, and require("saturnn")',
  );
  return addOptions(install, roundsOption({ default: 5 }), jsonOption({ note: oneObject }), saveOption()).action(
    async ({ rounds, json, save }: { rounds: number } & Output) => {
      const report = await measureInstall({ rounds });
      if (save !== undefined) writeJson(save, report);
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : formatInstall(report));
    },
  );
}

function dataCommand(): Command {
  const data = new Command('data').description(
    'times decoding of pictures, beside sharp alone, reading from the cache, and augmentation, beside a copy',
  );
  return addOptions(data, roundsOption({ default: 5 }), jsonOption({ note: oneObject }), saveOption()).action(
    async ({ rounds, json, save }: { rounds: number } & Output) => {
      const report = await measureData({ rounds });
      if (save !== undefined) writeJson(save, report);
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : formatData(report));
    },
  );
}

function formatData({ threads, decoding, reading, augmentation, idle, large }: DataReport): string {
  const { pictures, from, to, wall, processor, imagesPerSecond } = decoding;
  const rows = wall.map(({ name, median, ratio }, index) => [
    ...[name, median.toFixed(0), ratio.toFixed(3)],
    ...[processor[index]!.median.toFixed(0), processor[index]!.ratio.toFixed(3)],
  ]);
  const lines = reading.map(
    ({ shape, imagesPerSecond: speed, megabytesPerSecond }) =>
      `from the cache, ${shape.join('x')}: ${speed.toFixed(0)} images/s (${megabytesPerSecond.toFixed(0)} MB/s)`,
  );
  lines.push(
    `training ${idle.model} at width ${idle.width} on images from the cache: ${idle.imagesPerSecond.toFixed(0)} images/s, waiting for images ${(100 * idle.waited).toFixed(2)} % of the time`,
    `an epoch of ${large.gigabytes.toFixed(1)} GB: ${large.imagesPerSecond.toFixed(0)} images/s, ${large.largestRssMegabytes.toFixed(0)} MB of memory; training on them: ${large.training.largestRssMegabytes.toFixed(0)} MB`,
  );
  const title = `${pictures} JPEGs, ${from} to ${to}, ${threads} threads: ${imagesPerSecond.toFixed(0)} images/s`;
  const decoded = table(['', 'ms', 'ratio', 'processor ms', 'ratio'], rows);
  return `${title}\n${decoded}${lines.join('\n')}\n${formatAugmentation(augmentation)}`;
}

const formatAugmentation = (kinds: DataReport['augmentation']): string =>
  table(
    ['augmentation', 'images', 'ms', 'GB/s', '% of a copy'],
    kinds.map(({ name, from, to, milliseconds, gigabytesPerSecond, ofCopy }) => [
      ...[name, `${from} to ${to}`, milliseconds.toFixed(2)],
      ...[gigabytesPerSecond.toFixed(1), (100 * ofCopy).toFixed(0)],
    ]),
  );

function formatInstall({ npm, install, require }: InstallReport): string {
  const samples = install.samples.map((sample) => (sample / 1000).toFixed(1)).join(', ');
  const rows = require.map(({ name, median }) => [name, median.toFixed(1)]);
  const installed = `npm ${npm} install saturnn, empty cache: ${(install.median / 1000).toFixed(1)} s (${samples})`;
  return `${installed}\n${table(['', 'ms'], rows)}`;
}

function formatNetworks(networks: NetworksReport): string {
  const rows = Object.entries(networks).flatMap(([network, sides]) =>
    Object.entries(sides).map(([name, side]) => [
      ...[network, name, side.milliseconds.toFixed(1), side.imagesPerSecond.toFixed(1)],
      ...[side.ratio.toFixed(3), (side.peakRssBytes / 1e6).toFixed(0), side.lossDifference.toExponential(1)],
    ]),
  );
  const header = ['network', '', 'ms/step', 'images/s', "times saturnn's", 'peak RSS MB', 'first loss'];
  return `${table(header, rows)}`;
}

function formatComparison({ ratio, peakRssRatio, lossDifference, saturnn, pytorch }: CompareReport): string {
  const rows = Object.entries({ saturnn, pytorch }).map(([name, side]) => [
    name,
    side.milliseconds.toFixed(1),
    side.imagesPerSecond.toFixed(1),
    (side.peakRssBytes / 1e6).toFixed(0),
    `${(100 * side.idleLoad).toFixed(1)} %`,
    String(side.facts.allocator),
  ]);
  const { torch, python, mode, threads, compileFailed } = pytorch.facts;
  const lines = [
    `PyTorch ${torch}, Python ${python}, ${mode}, ${threads} threads`,
    ...(compileFailed ? [`torch.compile failed: ${compileFailed}`] : []),
    `relative difference of the first losses: ${lossDifference.toExponential(1)}`,
    `ratio ${ratio.toFixed(3)} (above 1: saturnn is faster); peak RSS ${peakRssRatio.toFixed(3)} times PyTorch's`,
  ];
  const header = ['', 'ms/step', 'images/s', 'peak RSS MB', 'load while waiting', 'allocator'];
  return `${table(header, rows)}${lines.join('\n')}\n`;
}

/** The command with all its subcommands, which throws commander's own errors and those of what it ran. */
export function benchProgram(): Command {
  // Without positional options the root would take options that "compare" has too, such as --batch, even behind that word.
  const root = benchCommand()
    .enablePositionalOptions()
    .addCommand(compareCommand())
    .addCommand(installCommand())
    .addCommand(dataCommand());
  for (const command of [root, ...root.commands, ...root.commands.flatMap(({ commands }) => commands)])
    command.exitOverride();
  return root;
}
