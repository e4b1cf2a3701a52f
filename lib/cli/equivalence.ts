/** `saturnn equivalence`: a sigmoid* network beside sigmoid networks that should do the same, step by step. */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { openSource } from '../data/openSource';
import { type EquivalenceResult, equivalence } from '../experiments/equivalence/equivalence';
import { type EquivalenceModelName, equivalenceModels } from '../experiments/equivalence/models';
import { equivalencePage, equivalenceTable, verdict } from '../experiments/equivalence/report';
import { prepareFolder } from '../files/durable';
import { environment, writeJson } from '../measure/harness';
import { table } from '../report/textTable';
import { writeReport } from '../report/write';
import { precisions } from '../runtime/device';
import { addDeviceOption, openDeviceFor } from './arithmeticOptions';
import { addSourceOptions, type DataOptions } from './dataOptions';
import { Interruption } from './interruption';
import * as read from './options';

interface EquivalenceCommandOptions extends Pick<DataOptions, 'data' | 'dataDir' | 'labels' | 'verify' | 'limit'> {
  model: EquivalenceModelName;
  width: number;
  size: number;
  /** Commander's of --padding and --no-padding; undefined: neither. */
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
  addSourceOptions(command)
    .option('--limit <n>', 'use the first n training images, and at most n test images', read.positiveInteger)
    .addOption(new Option('--model <name>', 'network').choices(equivalenceModels).default('small'))
    .option('--width <w>', 'of inception33: factor on all channel counts', read.positiveNumber, 0.25)
    .option('--size <n>', 'height and width of the crops, a multiple of 4', read.positiveInteger, 20)
    .option('--padding', 'with zero padding alone (default: with, then without)')
    .option('--no-padding', 'without padding alone')
    .option('--steps <n>', 'steps of training', read.positiveInteger, 100)
    .option('--batch <n>', 'images per step', read.positiveInteger, 16)
    .option('--lr <x>', 'learning rate of the sigmoid* network', read.positiveNumber, 0.03)
    .option('--momentum <x>', 'from 0 to 1', read.nonNegative, 0.9)
    .option('--weight-decay <x>', "of the sigmoid* network's weights", read.nonNegative, 1e-4)
    .option('--seed <n>', 'of weights, order, crops and mirrors', read.seed, 0);
  return addDeviceOption(command)
    .addOption(
      new Option('--precision <name>', 'arithmetic; tf32 on a GPU')
        .choices(precisions.filter((name) => name !== 'fp16'))
        .default('f32'),
    )
    .option('--out <dir>', 'write report.html, figures and result.json there')
    .option('--json', 'print one JSON object')
    .action(run);
}

async function run(options: EquivalenceCommandOptions): Promise<void> {
  const { lr: learningRate, data, out, json, device: _, ...settings } = options;
  using device = openDeviceFor({ ...options, deterministic: true, autotune: true });
  // Before an hour of training, not after it.
  if (out !== undefined) prepareFolder(out);
  const interruption = new Interruption();
  const source = data === 'generated' && options.limit === undefined ? null : await openSource(options);
  try {
    const { signal } = interruption;
    const result = await equivalence({
      ...{ ...settings, learningRate, device, signal, onStep: json ? undefined : showProgress() },
      ...(source && { train: source.train, test: source.test }),
    });
    // First: whatever goes wrong with the files, the figures are seen.
    if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else print(result);
    if (out === undefined) return;
    writeJson(join(out, 'result.json'), { ...result, environment: environment() });
    const { report, figures } = writeReport(out, equivalencePage(result, environment()));
    if (!json) process.stdout.write(`\n${[report, ...figures].join('\n')}\n`);
  } finally {
    interruption.dispose();
    await source?.close();
  }
}

function print(result: EquivalenceResult): void {
  for (const comparison of result.comparisons) {
    const { title, heads, rows, note } = equivalenceTable(comparison);
    process.stdout.write(`${title}\n\n${table(heads, rows)}\n${note}\n\n`);
  }
  process.stdout.write(`${verdict(result)}\n`);
}

/** Lines on a terminal's stderr, each over the last one. */
function showProgress(): ((done: number, total: number) => void) | undefined {
  if (!process.stderr.isTTY) return undefined;
  return (done, total) => process.stderr.write(done < total ? `\rstep ${done}/${total}` : '\r\x1b[K');
}
