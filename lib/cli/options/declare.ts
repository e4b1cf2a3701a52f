/**
 * Declares the options of the command, each flag once. A command composes declarations, and adds what is its own: another
 * default, or a note on what the option means there.
 */
import { type Command, Option } from 'commander';
import { SaturnnError } from '../../errors';
import { type Limits, numberWithin } from '../../options/field';
import { type LibraryField, list, numberOf, oneOf } from './readers';

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
  /** The field of the library's options that takes the number: it says what is accepted, and which limits --help shows. */
  readonly field?: LibraryField;
  /** An end of the field's range that the command refuses, though the library accepts it. */
  readonly open?: 'least' | 'most';
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
  /** The library's field of the number, if the library has one. */
  readonly field: LibraryField | undefined;
  readonly limits: Limits | undefined;

  constructor(
    readonly declaration: Declaration,
    use: Use,
  ) {
    const { flags, help, ...settings } = { ...declaration, ...use };
    const { field, open, several } = settings;
    const limits = field?.limits ? { ...field.limits, ...(open && { open }) } : undefined;
    super(flagsOf(flags, use), describe(help, settings, limits));
    this.field = field;
    this.limits = limits;
    const { choices, default: value, shown } = settings;
    // A command's own choices take the place of a declared reader, and its own reader that of declared choices.
    const isChoice = choices !== undefined && !use.read;
    const given = settings.read as ((text: string, before?: unknown) => unknown) | undefined;
    const read = given ?? (field && numberOf(open && limits ? numberWithin(limits) : field));
    if (several) {
      const readOne = isChoice ? oneOf(choices) : (text: string) => (read ? read(text) : text);
      this.argParser(list(readOne, { distinct: several === 'distinct' }));
    } else if (isChoice) this.choices(choices);
    else if (read) this.argParser(read);
    if (value !== undefined) this.default(value, shown);
  }
}

/** Composes "help note (limits) (default: otherwise)"; a note that begins with ";" comes after the limits. */
function describe(help: string, { note = '', otherwise }: Use, limits: Limits | undefined): string {
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
