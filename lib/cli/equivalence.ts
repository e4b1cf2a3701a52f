/** `saturnn equivalence`: trains a sigmoid* network beside sigmoid networks that should do the same, and compares every step. */
import { join } from 'node:path';
import { Command } from 'commander';
import {
  equivalenceDefaults as defaults,
  type EquivalenceResult,
  equivalence,
  equivalenceFields,
} from '../experiments/equivalence/equivalence';
import { type EquivalenceModelName, equivalenceModels } from '../experiments/equivalence/models';
import { equivalencePage, equivalenceTable, verdict } from '../experiments/equivalence/report';
import { ResultFolder } from '../experiments/resultFolder';
import { environment, writeJson } from '../measure/harness';
import { table } from '../report/textTable';
import { writeReport } from '../report/write';
import { precisions } from '../runtime/device';
import { deviceOption, openDeviceFor, precisionOption, threadsOption } from './options/arithmetic';
import { addSourceOptions, type DataOptions, limitNote, limitOption, openShown } from './options/data';
import { addOptions, declare } from './options/declare';
import { batchOption, seedOption, stepsOption } from './options/length';
import { modelOption, sizeOption, widthOption } from './options/model';
import { lrOption, momentumOption, weightDecayOption } from './options/optimizer';
import { jsonOption, oneObject, outOption } from './options/output';
import type { PictureFlags } from './options/pictures';
import * as read from './options/readers';
import { Interruption } from './terminal/interruption';
import { print } from './terminal/print';

const paddingOption = declare({
  flags: '--padding',
  help: 'train with zero padding only',
  otherwise: 'with, then without',
});

const noPaddingOption = declare({ flags: '--no-padding', help: 'train without padding only' });

interface EquivalenceCommandOptions
  extends Pick<DataOptions, 'data' | 'dataDir' | 'labels' | 'verify' | 'limit'>,
    PictureFlags {
  model: EquivalenceModelName;
  threads?: number;
  width: number;
  size: number;
  /** Undefined without --padding and --no-padding. */
  padding?: boolean;
  steps: number;
  batch: number;
  lr: number;
  momentum: number;
  weightDecay: number;
  seed: number;
  device: string;
  precision: (typeof precisions)[number];
  out?: string;
  json?: boolean;
}

export function equivalenceCommand(): Command {
  const command = new Command('equivalence').description(
    'train sigmoid* beside sigmoid by the exact rule and by scalar factors, and print how far they depart',
  );
  addOptions(
    addSourceOptions(command),
    limitOption({ note: limitNote }),
    modelOption({ choices: equivalenceModels, default: defaults.model, shown: defaults.model }),
    widthOption({ note: 'of inception33', default: defaults.width }),
    sizeOption({
      ...{ field: equivalenceFields.size, read: read.numberOf(equivalenceFields.size as read.LibraryField) },
      ...{ otherwise: undefined, default: defaults.size },
    }),
    ...[paddingOption(), noPaddingOption()],
    stepsOption({ field: equivalenceFields.steps, default: defaults.steps }),
    batchOption({ default: defaults.batch }),
    lrOption({ note: 'of the sigmoid* network', default: defaults.learningRate }),
    // The whole range of the library: here a momentum of 1 is accepted.
    momentumOption({ open: undefined, default: defaults.momentum }),
    weightDecayOption({ default: defaults.weightDecay }),
    seedOption({ default: defaults.seed }),
    deviceOption(),
    threadsOption(),
    precisionOption({
      choices: precisions.filter((name) => name !== 'fp16'),
      default: defaults.precision,
      shown: defaults.precision,
    }),
    outOption({ note: ': a folder, for report.html, figures and result.json' }),
    jsonOption({ note: oneObject }),
  );
  return command.action(run);
}

async function run(options: EquivalenceCommandOptions): Promise<void> {
  const { data, out, json, lr: learningRate, model, width, size, padding, steps } = options;
  const { batch, momentum, weightDecay, seed, precision } = options;
  const settings = { model, width, size, padding, steps, batch, learningRate, momentum, weightDecay, seed, precision };
  using device = openDeviceFor(options);
  // Before the training, so that a folder that cannot be written is found at once.
  using _results = out === undefined ? null : new ResultFolder(out);
  const interruption = new Interruption();
  const source =
    data === 'generated' && options.limit === undefined ? null : await openShown({ ...options, size: undefined });
  try {
    const { signal } = interruption;
    const result = await equivalence({
      ...{ ...settings, device, signal, onStep: json ? undefined : showProgress() },
      ...(source && { train: source.train, test: source.test }),
    });
    // Before the files are written, so that the figures are printed even if that fails.
    if (json) print(`${JSON.stringify(result)}\n`);
    else printResult(result);
    if (out === undefined) return;
    writeJson(join(out, 'result.json'), { ...result, environment: environment() });
    const { report, figures } = writeReport(out, equivalencePage(result, environment()));
    if (!json) print(`\n${[report, ...figures].join('\n')}\n`);
  } finally {
    interruption.dispose();
    await source?.close();
  }
}

function printResult(result: EquivalenceResult): void {
  for (const comparison of result.comparisons) {
    const { title, heads, rows, note } = equivalenceTable(comparison);
    print(`${title}\n\n${table(heads, rows)}\n${note}\n\n`);
  }
  print(`${verdict(result)}\n`);
}

/** Returns a function that shows the step on a terminal's stderr, over the one before; undefined where there is no terminal. */
function showProgress(): ((done: number, total: number) => void) | undefined {
  if (!process.stderr.isTTY) return undefined;
  return (done, total) => process.stderr.write(done < total ? `\rstep ${done}/${total}` : '\r\x1b[K');
}
