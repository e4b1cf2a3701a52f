/** Reads the settings of an earlier run again, for --resume. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { invalid, SaturnnError } from '../../errors';
import { hasCheckpoint } from '../../train/runFolder';
import { declare } from './declare';

const declareResume = declare({
  flags: '--resume [which]',
  help: 'continue the run in --out with its own settings: from its last checkpoint or the previous one; auto begins a run if there is none',
  choices: ['last', 'previous', 'auto'],
});

/** Makes --resume, which without a value means --resume last. */
export const resumeOption = () => declareResume().preset('last');

export interface ResumeOptions {
  out?: string;
  resume?: 'last' | 'previous' | 'auto';
}

/** Options as they are typed, by flag; true for an option without a value. */
export type Given = Readonly<Record<string, string | true>>;

/** Options of one call of the command, which are no settings of the run. */
const ofOneCall = ['--out', '--resume', '--json'];

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
export function isResumed({ out, resume }: ResumeOptions): boolean {
  if (resume === undefined) return false;
  if (out === undefined) throw invalid('--out', 'the folder of the run that --resume continues', out);
  if (hasCheckpoint(out)) return true;
  if (resume === 'auto') return false;
  const message = `There is no checkpoint to resume in ${out}. --resume auto begins a new run in this case`;
  throw new SaturnnError('ERR_CHECKPOINT', message);
}

/**
 * Returns the settings that a run was begun with, replaced by those that are given now.
 * @param makeCommand makes a command that reads settings as if they were typed
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

/** Does the same with the bytes of a config.json; `source` names it in errors. @throws ERR_CHECKPOINT */
export function parseSettings<Options>(bytes: Uint8Array, source: string, given: Given, makeCommand: () => Command) {
  try {
    const stored = checkGiven(JSON.parse(Buffer.from(bytes).toString('utf8')).given);
    // --epochs and --steps both say how long: the one that is given now counts.
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
