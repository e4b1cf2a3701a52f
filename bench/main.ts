/**
 * `npm run bench -- ...`: the command `saturnn bench` with two more subcommands, which need the repository: compare and
 * install.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { benchCommand } from '../lib/cli/bench';
import * as read from '../lib/cli/options';
import { writeJson } from '../lib/measure/harness';
import { formatActivation } from '../lib/ops/activation';
import { leakyTanh } from '../lib/ops/activations';
import { table } from '../lib/report/textTable';
import { precisions } from '../lib/runtime/device';
import { type CompareOptions, type CompareReport, comparePytorch } from './compare/pytorch';
import { comparable } from './compare/setup';
import { type InstallReport, measureInstall } from './install';

interface Output {
  json?: boolean;
  save?: string;
}

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0 || text.trim() === '') {
    throw new InvalidArgumentError('Expected an integer of at least 0.');
  }
  return value;
};

function compareCommand(): Command {
  const pytorch = new Command('pytorch')
    .description(
      'times one training step here and in PyTorch, alternately (SATURNN_PYTHON names the Python; default python3)',
    )
    .addOption(new Option('--model <name>', 'network').choices(comparable).default('subInception'))
    .option('--width <w>', 'factor on all channel counts', read.positiveNumber, 1)
    .option('--batch <n>', 'images per step', read.positiveInteger, 128)
    .addOption(new Option('--precision <name>', 'arithmetic').choices(precisions).default('f32'))
    .addOption(
      new Option('--activation <name[:a]>', 'as in saturnn train')
        .argParser(read.activation)
        .default(leakyTanh(), formatActivation(leakyTanh())),
    )
    .option('--rounds <n>', 'measurements to report', read.positiveInteger, 9)
    .option('--warmup <n>', 'measurements before these, not reported', count, 2)
    .option('--steps <n>', 'steps per measurement', read.positiveInteger, 1)
    .option('--threads <n>', 'threads of each side (default: one per physical core)', read.positiveInteger)
    .option('--no-compile', 'for bf16, run PyTorch without torch.compile')
    .option('--json', 'print one JSON object')
    .option('--save <file>', 'write the JSON object to a file as well')
    .action(async ({ json, save, ...options }: CompareOptions & Output) => {
      const report = await comparePytorch(options);
      if (save !== undefined) writeJson(save, report);
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : formatComparison(report));
    });
  return new Command('compare').description('times the same work in another framework').addCommand(pytorch);
}

function installCommand(): Command {
  return new Command('install')
    .description('times npm install of out/packages from a registry on this machine, and require("saturnn")')
    .option('--rounds <n>', 'installations to report', read.positiveInteger, 5)
    .option('--json', 'print one JSON object')
    .option('--save <file>', 'write the JSON object to a file as well')
    .action(async ({ rounds, json, save }: { rounds: number } & Output) => {
      const report = await measureInstall({ rounds });
      if (save !== undefined) writeJson(save, report);
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : formatInstall(report));
    });
}

function formatInstall({ npm, install, require }: InstallReport): string {
  const samples = install.samples.map((sample) => (sample / 1000).toFixed(1)).join(', ');
  const rows = require.map(({ name, median }) => [name, median.toFixed(1)]);
  const installed = `npm ${npm} install saturnn, empty cache: ${(install.median / 1000).toFixed(1)} s (${samples})`;
  return `${installed}\n${table(['', 'ms'], rows)}`;
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

async function main(): Promise<void> {
  // Without positional options the root would take options that "compare" has too, such as --batch, even behind that word.
  const root = benchCommand().enablePositionalOptions().addCommand(compareCommand()).addCommand(installCommand());
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
