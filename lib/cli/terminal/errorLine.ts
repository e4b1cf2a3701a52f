/** Formats the line on stderr with which the command reports an error. */
import type { Command } from 'commander';
import { type ErrorCode, reasonOf, visible } from '../../errors';

/** Returns "error [CODE]: message" as one line, with the code of a SaturnnError or of an error of Node (ENOSPC). */
export function errorLine(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return line(typeof code === 'string' ? code : 'ERR_INTERNAL', reasonOf(error));
}

/** Returns commander's message about wrong usage of a command ("error: unknown option ...") in the same form. */
export function usageErrorLine(text: string, command: Command): string {
  const message = messageOf(text.replace(/^error: /, '').trim(), command);
  return line('ERR_INVALID_ARGUMENT' satisfies ErrorCode, message);
}

function messageOf(text: string, command: Command): string {
  if (text.startsWith('too many arguments')) return excessArguments(command);
  return text.startsWith('required option') ? missingOption(text, command) : text;
}

/** Says what the missing option takes, and of arguments that the command does not take where they belong. */
function missingOption(text: string, command: Command): string {
  const missing = command.options.find(({ mandatory, flags }) => mandatory && text.includes(`'${flags}'`));
  const expected = missing ? `${text}: ${missing.description}` : text;
  const takesAny = command.registeredArguments.at(-1)?.variadic ?? false;
  const isExcess = !takesAny && command.args.length > command.registeredArguments.length;
  return isExcess ? `${expected}; ${excessArguments(command)}` : expected;
}

/** Says what a command accepts; commander's message has only the numbers of arguments. */
function excessArguments(command: Command): string {
  const accepted = command.registeredArguments.map((argument) => `<${argument.name()}>`).join(' ');
  const excess = command.args.slice(command.registeredArguments.length).map((text) => JSON.stringify(text));
  return (
    `too many arguments for '${command.name()}': expected ${accepted ? `${accepted} and options` : 'options only'} but ` +
    `received ${excess.join(' ')}. \`${commandPath(command)} --help\` lists the options.`
  );
}

/** Returns the command as it is typed: "saturnn data get". */
const commandPath = (command: Command): string =>
  command.parent ? `${commandPath(command.parent)} ${command.name()}` : command.name();

/** Joins lines: commander puts its suggestion ("Did you mean ...?") on a line of its own. */
const line = (code: string, message: string): string => `error [${code}]: ${visible(joined(message))}\n`;

/** Joins lines without looking twice at any blank: a message may have very many. */
const joined = (message: string): string =>
  message
    .split('\n')
    .map((part) => part.trim())
    .filter(Boolean)
    .join(' ');
