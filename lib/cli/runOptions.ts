/** The options of a run's folder: checkpoints, early stopping, and going on where a run was interrupted. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommanderError, Option } from 'commander';
import { invalid, SaturnnError } from '../errors';
import { EarlyStopping, type Metric } from '../train/callbacks';
import { hasCheckpoint } from '../train/runFolder';
import * as read from './options';

export interface RunOptions {
  out?: string;
  resume?: 'last' | 'previous' | 'auto';
  checkpointEpochs: number;
  checkpointSteps?: number;
  checkpointMinutes: number;
  best: 'accuracy' | 'loss';
  patience?: number;
  minDelta: number;
  json?: boolean;
}

export function addRunOptions(command: Command): Command {
  return command
    .option('--out <dir>', 'folder of the results (default: runs/MODEL-ACTIVATION-TIME)')
    .addOption(
      new Option(
        '--resume [which]',
        'go on in --out with the settings it was begun with: from its last checkpoint, the previous one, or auto: begin if there is none',
      )
        .choices(['last', 'previous', 'auto'])
        .preset('last'),
    )
    .option('--checkpoint-epochs <n>', 'a checkpoint every n epochs', read.positiveInteger, 1)
    .option('--checkpoint-steps <n>', 'and every n steps', read.positiveInteger)
    .option('--checkpoint-minutes <x>', 'and when the last one is x minutes old', read.positiveNumber, 10)
    .addOption(new Option('--best <metric>', 'of the test set').choices(['accuracy', 'loss']).default('accuracy'))
    .option(
      '--patience <n>',
      'stop when that has not improved for n epochs, with the best weights',
      read.positiveInteger,
    )
    .option('--min-delta <x>', 'what an improvement must exceed, for --patience', read.nonNegative, 0)
    .option('--json', 'print every event as a line of JSON');
}

const metricOf = ({ best }: RunOptions): Metric => (best === 'loss' ? 'testLoss' : 'testAccuracy');

export const checkpointsFrom = (options: RunOptions) => ({
  everyEpochs: options.checkpointEpochs,
  everySteps: options.checkpointSteps,
  everyMinutes: options.checkpointMinutes,
  best: metricOf(options),
});

export function earlyStoppingFrom(options: RunOptions): EarlyStopping[] {
  const { patience, minDelta } = options;
  return patience === undefined ? [] : [new EarlyStopping({ metric: metricOf(options), patience, minDelta })];
}

/** Options as they were given, by flag; true where an option has no value. */
export type Given = Readonly<Record<string, string | true>>;

/** Of a single run of the command, and no setting. */
const ofOneCall = ['--out', '--resume', '--json'];

/** Collects what a command is given, from the moment it is parsed, but for what is `notKept`. */
export function collectGiven(command: Command, notKept: readonly string[] = ofOneCall): Given {
  const given: Record<string, string | true> = {};
  for (const option of command.options) {
    const flag = option.long;
    if (!flag || notKept.includes(flag)) continue;
    command.on(`option:${option.name()}`, (value: string | null) => {
      given[flag] = value ?? true;
    });
  }
  return given;
}

/** Whether there is a run to go on with. @throws ERR_INVALID_ARGUMENT; ERR_CHECKPOINT if there is none and must be */
export function isResumed({ out, resume }: RunOptions): boolean {
  if (resume === undefined) return false;
  if (out === undefined) throw invalid('--out', 'the folder of the run that --resume goes on with', out);
  if (hasCheckpoint(out)) return true;
  if (resume === 'auto') return false;
  const message = `There is no checkpoint in ${out}: nothing to resume (--resume auto begins then)`;
  throw new SaturnnError('ERR_CHECKPOINT', message);
}

/**
 * The settings that a run was begun with, and over them those that are given now.
 * @param makeCommand the command's options, to read settings as if they were typed
 * @throws ERR_CHECKPOINT if its config.json cannot be used
 */
export function resumedOptions<Options>(out: string, given: Given, makeCommand: () => Command) {
  const path = join(out, 'config.json');
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw unusable(path, error);
  }
  return parseSettings<Options>(bytes, path, given, makeCommand);
}

/** The same of a config.json in memory; `source` names it in errors. @throws ERR_CHECKPOINT */
export function parseSettings<Options>(bytes: Uint8Array, source: string, given: Given, makeCommand: () => Command) {
  try {
    const stored = checkGiven(JSON.parse(Buffer.from(bytes).toString('utf8')).given);
    // Two ways to say how long: the new one counts.
    const isLength = (flag: string) => flag === '--epochs' || flag === '--steps';
    const kept = Object.entries(stored).filter(([flag]) => !(isLength(flag) && Object.keys(given).some(isLength)));
    const all: Given = { ...Object.fromEntries(kept), ...given };
    const command = makeCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => {}, writeOut: () => {} });
    command.parse(
      Object.entries(all).map(([flag, value]) => (value === true ? flag : `${flag}=${value}`)),
      { from: 'user' },
    );
    return { options: command.opts() as Options, given: all };
  } catch (error) {
    throw unusable(source, error);
  }
}

function unusable(source: string, error: unknown): SaturnnError {
  const reason = error instanceof CommanderError ? error.message.replace(/^error: /, '') : (error as Error).message;
  return new SaturnnError('ERR_CHECKPOINT', `Cannot resume with the settings of ${source}: ${reason}`, {
    cause: error,
  });
}

function checkGiven(given: unknown): Given {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  const fits =
    isObject && Object.entries(given).every(([flag, v]) => /^--/.test(flag) && (v === true || typeof v === 'string'));
  if (!fits) throw new SaturnnError('ERR_CHECKPOINT', 'it does not say which options were given');
  return given as Given;
}
