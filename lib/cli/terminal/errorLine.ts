/** Formats the line on stderr with which the command reports an error. */
import type { ErrorCode } from '../../errors';

/** Returns "error [CODE]: message" as one line, with the code of a SaturnnError or of an error of Node (ENOSPC). */
export function errorLine(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return line(typeof code === 'string' ? code : 'ERR_INTERNAL', error instanceof Error ? message : String(error));
}

/** Returns commander's message about wrong usage ("error: unknown option ...") in the same form. */
export const usageErrorLine = (text: string): string =>
  line('ERR_INVALID_ARGUMENT' satisfies ErrorCode, text.replace(/^error: /, ''));

/** Joins lines: commander puts its suggestion ("Did you mean ...?") on a line of its own. */
const line = (code: string, message: string): string =>
  `error [${code}]: ${message.trim().replace(/\s*\n\s*/g, ' ')}\n`;
