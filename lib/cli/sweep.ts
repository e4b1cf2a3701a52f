/** `saturnn sweep`: accuracy over the slope of an activation's negative half. */
import { relative } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { SaturnnError } from '../errors';
import { sweepText } from '../experiments/sweep/report';
import { defaultSlopes, type Sweep, type SweepOptions, sweep, sweptActivations } from '../experiments/sweep/sweep';
import { Interruption } from './interruption';
import { collectGiven, type Given } from './runOptions';
import { addTrainingsOptions, commandOf, createShow, libraryOptions, type TrainingsOptions } from './table1';

interface Options extends TrainingsOptions, Pick<SweepOptions, 'activation'> {
  /** Undefined: the default ones. */
  a?: number[];
}

export function sweepCommand(): Command {
  const command = new Command('sweep')
    .description(
      "train one activation at several slopes of its negative half, and its limit a = 1 where that has a name (leakyTanh: tanh); print and draw accuracy over a; run again, it completes what is missing; table1's options",
    )
    .option('--out <dir>', 'folder of everything (default: results/sweep-ACTIVATION-PRESET)')
    .addOption(
      new Option('--activation <name>', 'what is swept').choices([...sweptActivations]).default(sweptActivations[0]),
    )
    .option('--a <list>', `slopes (default: ${defaultSlopes.join(',')})`, slopes);
  addTrainingsOptions(command);
  const given = collectGiven(command, ['--minutes', '--json']);
  return command.action((options: Options) => run(options, given));
}

function slopes(text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.some((value) => !Number.isFinite(value)))
    throw new InvalidArgumentError('Expected numbers with commas between.');
  return values;
}

async function run({ a: values, ...options }: Options, given: Given): Promise<void> {
  const { json = false, minutes } = options;
  const interruption = new Interruption();
  const show = createShow(json ? process.stderr : process.stdout);
  try {
    const made = await sweep({
      ...libraryOptions(options),
      values,
      signal: interruption.signal,
      onEvent: show.event,
    });
    show.stop();
    process.stdout.write(json ? `${JSON.stringify(made)}\n` : summary(made));
    if (!made.table.interrupted) return;
    const goOn = commandOf('sweep', given, minutes);
    if (!interruption.signal.aborted) show.line(`Stopped after ${minutes} minutes. To go on: ${goOn}`);
    else throw new SaturnnError('ERR_INTERRUPTED', `Interrupted. To go on: ${goOn}`);
  } finally {
    show.stop();
    interruption.dispose();
  }
}

function summary(made: Sweep): string {
  const { out, report } = made;
  return `\n${sweepText(made)}\nfigures: ${relative('', out) || '.'}/figures\nreport: ${relative('', report)}\n`;
}
