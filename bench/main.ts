/** `npm run bench -- COMMAND`: what this project measures, as tables or as JSON. */
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import * as read from '../lib/cli/options';
import { openDevice, precisions } from '../lib/device';
import { packageRoot } from '../lib/locate';
import { models } from '../lib/models';
import { formatActivation, leakyTanh } from '../lib/ops/activation';
import { type CompareOptions, type CompareReport, comparePytorch } from './compare/pytorch';
import { comparable } from './compare/setup';
import { environment, table, writeJson } from './harness';
import { measureKernels, printKernels } from './kernels';
import { measureStep, type StepOptions } from './step';

interface Output {
  json?: boolean;
  save?: string;
}

interface MeasuredStep {
  rounds: number;
  warmup: number;
  device: string;
}

const resultsFolder = join(packageRoot(), 'bench', 'results');

const fileName = (text: string): string => {
  if (basename(text) === text && text.endsWith('.json')) return text;
  throw new InvalidArgumentError('Expected the name of a .json file, without a folder.');
};

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0 || text.trim() === '') {
    throw new InvalidArgumentError('Expected an integer of at least 0.');
  }
  return value;
};

function addOutput(command: Command): Command {
  return command
    .option('--json', 'print one JSON object')
    .option('--save <file>', 'write the JSON object to bench/results/FILE as well', fileName);
}

function addStep(command: Command, names: readonly string[]): Command {
  return command
    .addOption(new Option('--model <name>', 'network').choices(names).default('subInception'))
    .option('--width <w>', 'factor on all channel counts', read.positiveNumber, 1)
    .option('--batch <n>', 'images per step', read.positiveInteger, 128)
    .addOption(new Option('--precision <name>', 'arithmetic').choices(precisions).default('f32'))
    .addOption(
      new Option('--activation <name[:a]>', 'as in saturnn train')
        .argParser(read.activation)
        .default(leakyTanh(), formatActivation(leakyTanh())),
    )
    .option('--rounds <n>', 'measurements that count', read.positiveInteger, 9)
    .option('--warmup <n>', 'measurements before them that do not', count, 2);
}

function show(report: object, { json, save }: Output, print: () => void): void {
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else print();
  if (save === undefined) return;
  mkdirSync(resultsFolder, { recursive: true });
  writeJson(join(resultsFolder, save), report);
  if (!json) console.log(`written to bench/results/${save}`);
}

const megabytes = (bytes: unknown): string => `${(Number(bytes) / 1e6).toFixed(0)} MB`;

function stepCommand(): Command {
  const command = new Command('step').description('time one whole training step');
  return addOutput(addStep(command, Object.keys(models)))
    .option('--device <name>', 'cpu, cuda or cuda:N', read.device, 'cpu')
    .action(async ({ json, save, device, ...options }: StepOptions & Output & MeasuredStep) => {
      const report = await measureStep(options, openDevice(device));
      show(report, { json, save }, () => {
        const { milliseconds, imagesPerSecond, gigaflopsPerSecond, arenaBytes, peakRssBytes } = report;
        const speed = `${imagesPerSecond.toFixed(1)} images/s, ${Number(gigaflopsPerSecond).toFixed(0)} GFLOP/s`;
        console.log(`${milliseconds.toFixed(1)} ms a step, median of ${options.rounds}: ${speed}`);
        console.log(`arena ${megabytes(arenaBytes)}, peak RSS of the process ${megabytes(peakRssBytes)}`);
      });
    });
}

function kernelsCommand(): Command {
  return addOutput(new Command('kernels').description('bandwidth of the kernels that are bound by memory'))
    .option('--device <name>', 'cpu, cuda or cuda:N', read.device, 'cpu')
    .action(async (options: Output & { device: string }) => {
      const device = openDevice(options.device);
      const kernels = await measureKernels(device);
      const report = { environment: environment(), command: 'kernels', device: device.info, kernels };
      show(report, options, () => printKernels(device.name, kernels));
    });
}

function compareCommand(): Command {
  const pytorch = addOutput(addStep(new Command('pytorch'), comparable))
    .description('the same step in PyTorch, in turn (SATURNN_PYTHON: a Python that has it; default python3)')
    .option('--steps <n>', 'steps per turn', read.positiveInteger, 1)
    .option('--threads <n>', 'of both (default: one per physical core)', read.positiveInteger)
    .option('--no-compile', 'bf16: leave torch.compile out')
    .action(async ({ json, save, ...options }: CompareOptions & Output) => {
      const report = await comparePytorch(options);
      show(report, { json, save }, () => printComparison(report));
    });
  return new Command('compare').description('the same work elsewhere').addCommand(pytorch);
}

function printComparison({ ratio, peakRssRatio, lossDifference, saturnn, pytorch }: CompareReport): void {
  const rows = Object.entries({ saturnn, pytorch }).map(([name, side]) => [
    name,
    Number(side.milliseconds.toFixed(1)),
    Number(side.imagesPerSecond.toFixed(1)),
    Math.round(side.peakRssBytes / 1e6),
    `${(100 * side.idleLoad).toFixed(1)} %`,
    String(side.facts.allocator),
  ]);
  console.log(table(['', 'ms a step', 'images/s', 'peak RSS MB', 'load while waiting', 'allocator'], rows));
  const { torch, python, mode, threads, compileFailed } = pytorch.facts;
  console.log(`PyTorch ${torch}, Python ${python}, ${mode}, ${threads} threads`);
  if (compileFailed) console.log(`torch.compile does not work here: ${compileFailed}`);
  console.log(`first losses differ by ${lossDifference.toExponential(1)}`);
  console.log(
    `ratio ${ratio.toFixed(3)} (above 1: saturnn is faster); peak RSS ${peakRssRatio.toFixed(3)} of PyTorch's`,
  );
}

async function main(): Promise<void> {
  const root = new Command('bench').description('measure saturnn');
  for (const command of [stepCommand(), kernelsCommand(), compareCommand()]) root.addCommand(command);
  for (const command of [root, ...root.commands, ...root.commands.flatMap(({ commands }) => commands)])
    command.exitOverride();
  try {
    await root.parseAsync();
  } catch (error) {
    process.exitCode = error instanceof CommanderError ? error.exitCode : 1;
    if (!(error instanceof CommanderError)) process.stderr.write(`error: ${(error as Error).message}\n`);
  }
}

void main();
