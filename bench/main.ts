/** `npm run bench -- ...`: `saturnn bench`, and beside its own words those that need the repository. */
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
    .description('the same step in PyTorch, in turn (SATURNN_PYTHON: a Python that has it; default python3)')
    .addOption(new Option('--model <name>', 'network').choices(comparable).default('subInception'))
    .option('--width <w>', 'factor on all channel counts', read.positiveNumber, 1)
    .option('--batch <n>', 'images per step', read.positiveInteger, 128)
    .addOption(new Option('--precision <name>', 'arithmetic').choices(precisions).default('f32'))
    .addOption(
      new Option('--activation <name[:a]>', 'as in saturnn train')
        .argParser(read.activation)
        .default(leakyTanh(), formatActivation(leakyTanh())),
    )
    .option('--rounds <n>', 'measurements that count', read.positiveInteger, 9)
    .option('--warmup <n>', 'measurements before them that do not', count, 2)
    .option('--steps <n>', 'steps per turn', read.positiveInteger, 1)
    .option('--threads <n>', 'of both (default: one per physical core)', read.positiveInteger)
    .option('--no-compile', 'bf16: leave torch.compile out')
    .option('--json', 'print one JSON object')
    .option('--save <file>', 'write the JSON object to a file as well')
    .action(async ({ json, save, ...options }: CompareOptions & Output) => {
      const report = await comparePytorch(options);
      if (save !== undefined) writeJson(save, report);
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : formatComparison(report));
    });
  return new Command('compare').description('the same work elsewhere').addCommand(pytorch);
}

function installCommand(): Command {
  return new Command('install')
    .description('npm install of the packages in out/packages, from a registry on this machine, and require()')
    .option('--rounds <n>', 'installations that count', read.positiveInteger, 5)
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
  const installed = `npm ${npm} install saturnn, nothing cached: ${(install.median / 1000).toFixed(1)} s (${samples})`;
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
    ...(compileFailed ? [`torch.compile does not work here: ${compileFailed}`] : []),
    `first losses differ by ${lossDifference.toExponential(1)}`,
    `ratio ${ratio.toFixed(3)} (above 1: saturnn is faster); peak RSS ${peakRssRatio.toFixed(3)} of PyTorch's`,
  ];
  const header = ['', 'ms a step', 'images/s', 'peak RSS MB', 'load while waiting', 'allocator'];
  return `${table(header, rows)}${lines.join('\n')}\n`;
}

async function main(): Promise<void> {
  // Else the root would take the options of "compare" that it has too, such as --batch, wherever they stand.
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
