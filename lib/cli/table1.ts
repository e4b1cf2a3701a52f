/** `saturnn table1`: trains the networks of the paper's Table 1 and Figures 1-4. */
import { join, relative } from 'node:path';
import { Command } from 'commander';
import { SaturnnError } from '../errors';
import { paperActivations } from '../experiments/paper';
import type { Table1 } from '../experiments/table1/rows';
import { table1 } from '../experiments/table1/table1';
import { table1Text } from '../experiments/table1/text';
import { formatActivation } from '../ops/activation';
import { addOptions } from './options/declare';
import { activationsOption } from './options/model';
import { outOption } from './options/output';
import * as read from './options/readers';
import { collectGiven, type Given } from './options/resume';
import { addTrainingsOptions, libraryOptions, type TrainingsOptions } from './options/trainings';
import { Interruption } from './terminal/interruption';
import { print } from './terminal/print';
import { commandOf, trainingsProgress } from './terminal/trainings';

export function table1Command(): Command {
  const command = new Command('table1').description(
    "train the network once for each activation and print the paper's Table 1 beside its figures; started again, it trains what is missing",
  );
  addOptions(
    command,
    outOption({ note: ': a folder', otherwise: 'results/table1-PRESET' }),
    activationsOption({
      read: (text: string) => formatActivation(read.activation(text)),
      several: 'any',
      otherwise: paperActivations.join(','),
    }),
  );
  addTrainingsOptions(command);
  const given = collectGiven(command, ['--minutes', '--json']);
  return command.action((options: TrainingsOptions) => run(options, given));
}

async function run(options: TrainingsOptions, given: Given): Promise<void> {
  const { json = false, minutes } = options;
  const interruption = new Interruption();
  const progress = trainingsProgress(json ? process.stderr : process.stdout);
  try {
    const { signal } = interruption;
    const table = await table1({ ...libraryOptions(options, progress.decoding), signal, onEvent: progress.event });
    progress.stop();
    print(json ? `${JSON.stringify(table)}\n` : summary(table));
    if (!table.interrupted) return;
    const next = commandOf('table1', given, minutes);
    if (signal.aborted) throw new SaturnnError('ERR_INTERRUPTED', `Interrupted. To continue: ${next}`);
    progress.line(`Stopped after ${minutes} minutes. To continue: ${next}`);
  } finally {
    progress.stop();
    interruption.dispose();
  }
}

function summary({ rows, out, report }: Table1): string {
  const isDrawn = rows.some(({ runs }) => runs.some(({ epochs }) => epochs.length > 0));
  const figures = isDrawn ? `figures: ${relative('', join(out, 'figures'))}\n` : '';
  return `\n${table1Text(rows)}\n${figures}report: ${relative('', report)}\n`;
}
