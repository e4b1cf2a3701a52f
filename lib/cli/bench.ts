/** `saturnn bench`: how fast this machine runs saturnn's kernels and training steps, against what it could do. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { invalid, SaturnnError } from '../errors';
import { type BenchReport, compareReports } from '../measure/report';
import { activationNames, type BenchOptions, bench, everyActivation, type Part, parts } from '../measure/run';
import { formatComparison, formatReport } from '../measure/tables';
import { models } from '../models';
import type { Activation } from '../ops/activations';
import { type Device, openDevice, type Precision, precisions } from '../runtime/device';
import { addDeviceOption, addKernelOptions } from './arithmeticOptions';
import * as read from './options';

interface Options {
  device: string;
  model: string;
  width: number;
  batch?: number[];
  precision?: Precision[];
  activation?: Activation[];
  deterministic: boolean;
  autotune: boolean;
  rounds: number;
  minutes?: number;
  smoke?: boolean;
  json?: boolean;
  save?: string;
  against?: string;
}

/** "a,b,c" by the reader of one. */
const list =
  <T>(readOne: (text: string) => T) =>
  (text: string): T[] => {
    const items = text.split(',').map((item) => item.trim());
    if (new Set(items).size < items.length) throw new InvalidArgumentError('Expected each value once.');
    return items.map(readOne);
  };

const precision = (text: string): Precision => {
  const found = precisions.find((name) => name === text);
  if (!found) throw new InvalidArgumentError(`Expected ${precisions.join(', ')}.`);
  return found;
};

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('measure kernels and training steps against ceilings that are measured in the same run')
    .addArgument(
      new Argument('[what]', 'kernels (convolutions too), step or all')
        .choices(['kernels', 'step', 'all'])
        .default('all'),
    );
  return addKernelOptions(addDeviceOption(command))
    .addOption(new Option('--model <name>', 'network').choices(Object.keys(models)).default('inception33'))
    .option('--width <w>', 'factor on all channel counts', read.positiveNumber, 1)
    .option(
      '--batch <n,...>',
      'images per step (default: 32,128 on the CPU, 128,1024 on a GPU)',
      list(read.positiveInteger),
    )
    .option('--precision <name,...>', 'arithmetic (default: all that the device has)', list(precision))
    .option(
      '--activation <name[:a],...>',
      `of the steps (default: leakyTanh on the CPU; on a GPU ${activationNames(everyActivation)})`,
      list(read.activation),
    )
    .option('--rounds <n>', 'measurements of each; times are medians', read.positiveInteger, 7)
    .option('--minutes <x>', 'begin nothing more after so long', read.positiveNumber)
    .option('--smoke', 'tiny sizes: figures mean nothing, but everything runs')
    .option('--json', 'print one JSON object')
    .option('--save <file>', 'write the JSON object to a file as well')
    .option('--against <file>', 'compare with what was saved there; exit code 1 if something is slower beyond noise')
    .action(async (what: Part | 'all', options: Options) => {
      const before = options.against === undefined ? null : readReport(options.against);
      using device = openDevice(options.device);
      const report = await bench(device, { ...optionsOn(device, options), parts: partsOf(what), onProgress });
      if (process.stderr.isTTY) onProgress('');
      if (options.save !== undefined) writeFileSync(options.save, `${JSON.stringify(report, null, 2)}\n`);
      const compared = before ? compareReports(report, before) : null;
      const comparison =
        compared && options.against
          ? `\n${formatComparison(compared, `${options.against} (${before?.device.name})`)}`
          : '';
      process.stdout.write(
        options.json
          ? `${JSON.stringify(compared ? { ...report, compared } : report)}\n`
          : `${formatReport(report)}${comparison}`,
      );
      if (report.failed.length > 0) process.exitCode = 1;
      if (compared?.some(({ verdict }) => verdict === 'SLOWER')) process.exitCode = 1;
    });
}

const partsOf = (what: Part | 'all'): readonly Part[] =>
  what === 'all' ? parts : what === 'kernels' ? ['kernels', 'convolutions'] : [what];

/** @throws ERR_UNSUPPORTED for a precision that the device has not */
function optionsOn(device: Device, options: Options): Omit<BenchOptions, 'parts'> {
  const { precision: chosen = device.precisions, smoke = false, rounds, model, minutes } = options;
  const { deterministic, autotune } = options;
  for (const name of chosen) device.checkPrecision(name);
  const onCpu = device.backend === 'cpu';
  const usual = smoke ? [2] : onCpu ? [32, 128] : [128, 1024];
  return {
    model,
    width: smoke ? Math.min(options.width, 0.1) : options.width,
    precisions: chosen,
    batches: options.batch ?? usual,
    activations: options.activation ?? (onCpu || smoke ? everyActivation.slice(0, 1) : everyActivation),
    deterministic,
    autotune,
    rounds,
    smoke,
    until: minutes === undefined ? undefined : performance.now() + 60_000 * minutes,
  };
}

/** On a terminal one line that changes; stdout is for results. */
function onProgress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
  else process.stderr.write(`${what}\n`);
}

/** @throws ERR_INVALID_ARGUMENT */
function readReport(path: string): BenchReport {
  let report: Partial<BenchReport> | null;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const message = `Cannot compare with ${path}: ${(error as Error).message}`;
    throw new SaturnnError('ERR_INVALID_ARGUMENT', message, { cause: error });
  }
  const lists = [report?.kernels, report?.convolutions, report?.steps];
  if (report?.command !== 'bench' || !lists.every(Array.isArray)) {
    throw invalid('--against', 'a file that saturnn bench --save has written', path);
  }
  return report as BenchReport;
}
