/**
 * Declares the options of the command, each flag once. A command composes declarations, and adds what is its own: another
 * default, or a note on what the option means there.
 */
import { type Command, Option } from 'commander';
import { type Range, SaturnnError } from '../../errors';
import { list, oneOf } from './readers';

/** Limits as --help prints them. `open` names the end that is itself refused. */
export interface Limits {
  readonly least: number;
  readonly most?: number;
  readonly open?: 'least' | 'most';
}

/** Settings of an option. A command may replace those of the declaration. */
interface Settings {
  /** Makes the value from text; `before` is the value so far, if the option can come several times. Default: the text itself. */
  readonly read?: (text: string, before: never) => unknown;
  /** The words that are accepted. */
  readonly choices?: readonly string[];
  /** The value if the option is not given: the library's own default where it has one. */
  readonly default?: unknown;
  /** The default as --help shows it; it is shown as JSON otherwise. */
  readonly shown?: string;
  /** Text for --help that says what holds without the option if there is no `default`. */
  readonly otherwise?: string;
  /** Continues the sentence: after a space, or directly if it begins with a comma, colon or semicolon. */
  readonly note?: string;
  /** Limits for --help, which are the library's: the library refuses numbers beyond them. */
  readonly limits?: Limits;
}

export interface Declaration extends Settings {
  /** The flag and its argument: "--width <w>". */
  readonly flags: string;
  /** A sentence that is true for every command with this option. */
  readonly help: string;
}

/** Settings of an option in one command. */
export interface Use extends Settings {
  /** The argument if it differs from the declared one: "<names...>". */
  readonly argument?: string;
  /** Takes several values with commas between, each read as one; "distinct": none of them twice. */
  readonly several?: 'any' | 'distinct';
}

/** An option of a command, made from its declaration. */
export class DeclaredOption extends Option {
  readonly limits: Limits | undefined;

  constructor(
    readonly declaration: Declaration,
    use: Use,
  ) {
    const { flags, help, ...settings } = { ...declaration, ...use };
    const { limits, several } = settings;
    super(flagsOf(flags, use), describe(help, settings));
    this.limits = limits;
    const { choices, default: value, shown } = settings;
    // A command's own choices take the place of a declared reader, and its own reader that of declared choices.
    const isChoice = choices !== undefined && !use.read;
    const read = settings.read as ((text: string, before?: unknown) => unknown) | undefined;
    if (several) {
      const readOne = isChoice ? oneOf(choices) : (text: string) => (read ? read(text) : text);
      this.argParser(list(readOne, { distinct: several === 'distinct' }));
    } else if (isChoice) this.choices(choices);
    else if (read) this.argParser(read);
    if (value !== undefined) this.default(value, shown);
  }
}

/** Composes "help note (limits) (default: otherwise)"; a note that begins with ";" comes after the limits. */
function describe(help: string, { note = '', limits, otherwise }: Use): string {
  const range = limits ? ` (${limitsText(limits)})` : '';
  const end = otherwise === undefined ? '' : ` (default: ${otherwise})`;
  if (note.startsWith(';')) return `${help}${range}${note}${end}`;
  const gap = note === '' || /^[,:]/.test(note) ? '' : ' ';
  return `${help}${gap}${note}${range}${end}`;
}

function flagsOf(flags: string, { argument, several }: Use): string {
  const [flag] = flags.split(' ') as [string];
  if (argument !== undefined) return `${flag} ${argument}`;
  return several ? flags.replace(/>$/, ',...>') : flags;
}

/** Puts limits into words: "from 1 to 65536", "above 0, at most 8", "from 0 to below 1", "at least 2". */
export function limitsText({ least, most, open }: Limits): string {
  if (most === undefined) return open === 'least' ? `above ${least}` : `at least ${least}`;
  if (open === 'least') return `above ${least}, at most ${most}`;
  return open === 'most' ? `from ${least} to below ${most}` : `from ${least} to ${most}`;
}

/** Makes limits of a range whose ends are both accepted. */
export const within = ([least, most]: Range): Limits => ({ least, most });
/** Makes limits of a range whose lower end is refused. */
export const above = ([least, most]: Range): Limits => ({ least, most, open: 'least' });
/** Limits of a fraction that must be below 1. */
export const fraction: Limits = { least: 0, most: 1, open: 'most' };

/** All declarations, by flag. */
export const declarations = new Map<string, Declaration>();

/** Declares an option, and returns a function that makes it for a command. @throws Error if the flag is declared already */
export function declare(declaration: Declaration): (use?: Use) => DeclaredOption {
  const [flag] = declaration.flags.split(' ') as [string];
  if (declarations.has(flag)) throw new Error(`${flag} is declared twice`);
  declarations.set(flag, declaration);
  return (use = {}) => new DeclaredOption(declaration, use);
}

/** Returns the error of an option that has no meaning beside another one: "--momentum does not apply to --optimizer adam". */
export const doesNotApply = (option: string, to: string, received?: unknown): SaturnnError =>
  new SaturnnError(
    'ERR_INVALID_ARGUMENT',
    `${option} does not apply ${to}${received === undefined ? '' : ` (received ${received})`}`,
  );

/** Adds options to a command, in this order. */
export function addOptions(command: Command, ...options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}
