import { visible } from '../../errors';

/**
 * Writes text to stdout. Everything that the command prints goes through visible(), because names may come from files, servers and
 * other hosts: none may act on the terminal.
 */
export function print(text: string): void {
  process.stdout.write(visible(text));
}
