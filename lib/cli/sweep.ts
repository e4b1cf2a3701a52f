/** `saturnn sweep`: measures accuracy over the slope of an activation's negative half. */
import { relative } from 'node:path';
import { Command } from 'commander';
import { SaturnnError } from '../errors';
import { sweepText } from '../experiments/sweep/report';
import type { Sweep } from '../experiments/sweep/rows';
import { defaultSlopes, type SweepOptions, sweep, sweptActivations } from '../experiments/sweep/sweep';
import { addOptions, declare } from './options/declare';
import { activationOption } from './options/model';
import { outOption } from './options/output';
import * as read from './options/readers';
import { collectGiven, type Given } from './options/resume';
import { addTrainingsOptions, libraryOptions, type TrainingsOptions } from './options/trainings';
import { Interruption } from './terminal/interruption';
import { print } from './terminal/print';
import { commandOf, trainingsProgress } from './terminal/trainings';

const slopesOption = declare({
  flags: '--a <list>',
  help: 'slopes of the negative half, with commas between',
  read: read.list(read.finiteNumber, { distinct: false }),
  otherwise: defaultSlopes.join(','),
});

interface Options extends TrainingsOptions, Pick<SweepOptions, 'activation'> {
  a?: number[];
}

export function sweepCommand(): Command {
  const command = new Command('sweep').description(
    'train one activation at several slopes of its negative half, and at its limit a = 1 if that is another activation (leakyTanh: tanh); print and draw accuracy over the slope; started again, it trains what is missing',
  );
  const [activation] = sweptActivations;
  addOptions(
    command,
    outOption({ note: ': a folder', otherwise: 'results/sweep-ACTIVATION-PRESET' }),
    activationOption({
      argument: '<name>',
      note: 'whose slope is varied',
      choices: sweptActivations,
      default: activation,
      shown: activation,
      otherwise: undefined,
    }),
    slopesOption(),
  );
  addTrainingsOptions(command);
  const given = collectGiven(command, ['--minutes', '--json']);
  return command.action((options: Options) => run(options, given));
}

async function run({ a: values, ...options }: Options, given: Given): Promise<void> {
  const { json = false, minutes } = options;
  const interruption = new Interruption();
  const progress = trainingsProgress(json ? process.stderr : process.stdout);
  try {
    const { signal } = interruption;
    const made = await sweep({
      ...libraryOptions(options, progress.decoding),
      values,
      signal,
      onEvent: progress.event,
    });
    progress.stop();
    print(json ? `${JSON.stringify(made)}\n` : summary(made));
    if (!made.table.interrupted) return;
    const next = commandOf('sweep', given, minutes);
    if (signal.aborted) throw new SaturnnError('ERR_INTERRUPTED', `Interrupted. To continue: ${next}`);
    progress.line(`Stopped after ${minutes} minutes. To continue: ${next}`);
  } finally {
    progress.stop();
    interruption.dispose();
  }
}

function summary(made: Sweep): string {
  const { out, report } = made;
  return `\n${sweepText(made)}\nfigures: ${relative('', out) || '.'}/figures\nreport: ${relative('', report)}\n`;
}
