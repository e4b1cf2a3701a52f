import { visible } from '../../errors';

/** Writes to stderr what is being done: over the line before on a terminal, else as lines. stdout is for results. */
export function statusLine(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${visible(text)}` : `${visible(text)}\n`);
}

/** Clears the line on a terminal. */
export function clearStatusLine(): void {
  if (process.stderr.isTTY) statusLine('');
}
