/** Reads the settings of an earlier run again, for --resume. */
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { invalid, reasonOf, SaturnnError } from '../../errors';
import { largestText, parseJson } from '../../files/json';
import { readWhole } from '../../files/read';
import { hasCheckpoint } from '../../train/runFolder';
import { declare, doesNotApply } from './declare';

const declareResume = declare({
  flags: '--resume [which]',
  help: 'continue the run in --out with its own settings: from its last checkpoint or the previous one; auto begins a run if there is none',
  choices: ['last', 'previous', 'auto'],
});

/** Makes --resume, which without a value means --resume last. */
export const resumeOption = () => declareResume().preset('last');

/** Makes --change. */
export const changeOption = declare({
  flags: '--change',
  help: 'with --resume: go on with another --lr, --schedule, --warmup, --lr-layers, --momentum, --weight-decay, --clip-norm, --label-smoothing, --class-weights, --augment, --evaluate-every, --batch or --accumulate than before, and record that',
});

/** Options that --change lets a resumed run change. */
export const changeableFlags: readonly string[] = [
  ...['--lr', '--schedule', '--warmup', '--lr-layers', '--momentum', '--weight-decay', '--clip-norm'],
  ...['--label-smoothing', '--class-weights', '--balance', '--augment', '--evaluate-every', '--batch'],
  '--accumulate',
];

export interface ResumeOptions {
  out?: string;
  resume?: 'last' | 'previous' | 'auto';
  change?: boolean;
}

/** Options as they are typed, by flag; true for an option without a value. */
export type Given = Readonly<Record<string, string | true>>;

/** Returns the first of these flags that was given; undefined: none was. */
export const firstGiven = (given: Given, flags: readonly string[]): string | undefined =>
  flags.find((flag) => given[flag] !== undefined);

/** Options of one call of the command, which are no settings of the run. */
const ofOneCall = ['--out', '--resume', '--change', '--json'];

/** Returns an object that the command fills, when it is parsed, with the options that are given, without those in `notKept`. */
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

/**
 * Whether there is a run to continue.
 * @throws ERR_INVALID_ARGUMENT without --out; ERR_CHECKPOINT if there is no checkpoint and --resume is not auto
 */
export function isResumed({ out, resume, change }: ResumeOptions): boolean {
  if (resume === undefined) {
    if (change) throw doesNotApply('--change', 'without --resume');
    return false;
  }
  if (out === undefined) throw invalid('--out', 'the folder of the run that --resume continues', out);
  if (hasCheckpoint(out)) return true;
  if (resume === 'auto') return false;
  const message = `There is no checkpoint to resume in ${out}. --resume auto begins a new run in this case`;
  throw new SaturnnError('ERR_CHECKPOINT', message);
}

/**
 * Returns the settings that a run was begun with, replaced by those that are given now, and whether it goes on with a change that an
 * earlier call has made.
 * @param makeCommand makes a command that reads settings as if they were typed
 * @throws ERR_CHECKPOINT if its config.json cannot be used
 */
export function resumedOptions<Options>(out: string, given: Given, makeCommand: () => Command) {
  const path = join(out, 'config.json');
  let bytes: Buffer;
  try {
    bytes = readWhole(path, largestText);
  } catch (error) {
    throw unusable(path, error);
  }
  return parseSettings<Options>(bytes, path, given, makeCommand);
}

/** Does the same with the bytes of a config.json; `source` names it in errors. @throws ERR_CHECKPOINT */
export function parseSettings<Options>(bytes: Uint8Array, source: string, given: Given, makeCommand: () => Command) {
  try {
    const parsed = parseJson(Buffer.from(bytes).toString('utf8'));
    const { given: before, changes } = parsed as { given: unknown; changes: unknown };
    const stored = checkGiven(before);
    const kept = Object.entries(stored).filter(([flag]) => !isReplaced(flag, given));
    const all: Given = { ...Object.fromEntries(kept), ...given };
    // A change is in config.json before it is in a checkpoint: a run that was killed in between goes on with it.
    const hasChanged = Array.isArray(changes) && changes.length > 0;
    const asksAgain = Object.keys(given).some((flag) => changeableFlags.includes(flag));
    return { options: optionsOf<Options>(makeCommand(), all), given: all, goesOnChanged: hasChanged && !asksAgain };
  } catch (error) {
    throw unusable(source, error);
  }
}

/** Options that say the same thing in two ways, such as how long to train: what is given now replaces both. */
const alternatives: readonly (readonly string[])[] = [
  ['--epochs', '--steps'],
  ['--class-weights', '--balance'],
];

const isReplaced = (flag: string, given: Given): boolean =>
  alternatives.some((flags) => flags.includes(flag) && flags.some((other) => given[other] !== undefined));

/** Returns the options that a command reads from flags and values. @throws CommanderError */
export function optionsOf<Options>(command: Command, given: Given): Options {
  const flags = Object.entries(given).map(([flag, value]) => (value === true ? flag : `${flag}=${value}`));
  command
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: () => {} })
    .parse(flags, { from: 'user' });
  return command.opts() as Options;
}

function unusable(source: string, error: unknown): SaturnnError {
  const reason = error instanceof CommanderError ? error.message.replace(/^error: /, '') : reasonOf(error);
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
