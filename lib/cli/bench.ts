/** `saturnn bench`: measures kernels and training steps, and compares them with what the machine can do. */
import { Argument, Command } from 'commander';
import { invalid, SaturnnError } from '../errors';
import { readJsonFile } from '../files/json';
import { writeJson } from '../measure/harness';
import { type BenchReport, compareReports } from '../measure/report';
import { activationNames, type BenchOptions, bench, everyActivation, type Part, parts } from '../measure/run';
import { formatComparison, formatReport } from '../measure/tables';
import type { Activation } from '../ops/activations';
import { type Device, openDevice, type Precision } from '../runtime/device';
import { addKernelOptions, deviceOption, precisionOption, threadsOption } from './options/arithmetic';
import { addOptions, declare } from './options/declare';
import { batchOption, minutesOption } from './options/length';
import { activationForms, activationOption, modelOption, widthOption } from './options/model';
import { jsonOption, oneObject } from './options/output';
import * as read from './options/readers';
import { print } from './terminal/print';
import { clearStatusLine, statusLine } from './terminal/statusLine';

interface Options {
  device: string;
  threads?: number;
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

const usualBatches = { cpu: [32, 128], gpu: [128, 1024] } as const;
const usualActivations = { cpu: everyActivation.slice(0, 1), gpu: everyActivation } as const;
const defaultRounds = 7;

export const roundsOption = declare({
  flags: '--rounds <n>',
  help: 'number of measurements; printed times are medians',
  read: read.positiveInteger,
  default: defaultRounds,
});

const smokeOption = declare({
  flags: '--smoke',
  help: 'run everything with tiny sizes, to see that it works: the figures mean nothing',
});

export const saveOption = declare({ flags: '--save <file>', help: 'write the JSON object to a file as well' });

const againstOption = declare({
  flags: '--against <file>',
  help: 'compare with a file that --save has written; the exit code is 1 if something is slower beyond noise',
});

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('measure kernels and training steps, and compare with ceilings that are measured in the same run')
    .addArgument(
      new Argument('[what]', 'kernels (with convolutions), step or all')
        .choices(['kernels', 'step', 'all'])
        .default('all'),
    );
  addKernelOptions(addOptions(command, deviceOption(), threadsOption()));
  addOptions(
    command,
    modelOption(),
    widthOption(),
    batchOption({
      several: 'distinct',
      otherwise: `${usualBatches.cpu} on the CPU, ${usualBatches.gpu} on a GPU`,
    }),
    precisionOption({ several: 'distinct', default: undefined, otherwise: 'all that the device has' }),
    activationOption({
      several: 'distinct',
      default: undefined,
      note: `of the steps: ${activationForms}`,
      otherwise: `${activationNames(usualActivations.cpu)} on the CPU, ${activationNames(usualActivations.gpu)} on a GPU`,
    }),
    roundsOption(),
    minutesOption(),
    ...[smokeOption(), jsonOption({ note: oneObject }), saveOption(), againstOption()],
  );
  return command.action(async (what: Part | 'all', options: Options) => {
    const before = options.against === undefined ? null : readReport(options.against);
    using device = openDevice(options.device, { threads: options.threads });
    const report = await bench(device, { ...optionsOn(device, options), parts: partsOf(what), onProgress: statusLine });
    clearStatusLine();
    const compared = before ? compareReports(report, before) : null;
    const comparison =
      compared && options.against
        ? `\n${formatComparison(compared, `${options.against} (${before?.device.name})`)}`
        : '';
    print(
      options.json
        ? `${JSON.stringify(compared ? { ...report, compared } : report)}\n`
        : `${formatReport(report)}${comparison}`,
    );
    // Printed before, so that nothing that was measured is lost if the file cannot be written.
    if (options.save !== undefined) writeJson(options.save, report);
    if (report.failed.length > 0) process.exitCode = 1;
    if (compared?.some(({ verdict }) => verdict === 'SLOWER')) process.exitCode = 1;
  });
}

const partsOf = (what: Part | 'all'): readonly Part[] =>
  what === 'all' ? parts : what === 'kernels' ? ['kernels', 'convolutions'] : [what];

/** Returns the options of `bench`, with defaults for the device. @throws ERR_UNSUPPORTED for a precision that it lacks */
function optionsOn(device: Device, options: Options): Omit<BenchOptions, 'parts'> {
  const { precision: chosen = device.precisions, smoke = false, rounds, model, minutes } = options;
  const { deterministic, autotune } = options;
  for (const name of chosen) device.checkPrecision(name);
  const usual = device.backend === 'cpu' ? 'cpu' : 'gpu';
  return {
    model,
    width: smoke ? Math.min(options.width, 0.1) : options.width,
    precisions: chosen,
    batches: options.batch ?? (smoke ? [2] : usualBatches[usual]),
    activations: options.activation ?? usualActivations[smoke ? 'cpu' : usual],
    deterministic,
    autotune,
    rounds,
    smoke,
    until: minutes === undefined ? undefined : performance.now() + 60_000 * minutes,
  };
}

/** Reads what --save has written. @throws ERR_INVALID_ARGUMENT */
function readReport(path: string): BenchReport {
  let report: Partial<BenchReport> | null;
  try {
    report = readJsonFile(path) as typeof report;
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
