#!/usr/bin/env node
/** Runs the `saturnn` command. An error becomes one line on stderr and exit code 1; SATURNN_DEBUG=1 adds the stack. */
import { CommanderError } from 'commander';
import { program } from './program';
import { errorLine } from './terminal/errorLine';

async function main(): Promise<void> {
  // A reader may close the pipe early (saturnn inspect ... | head): that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  try {
    await program().parseAsync();
  } catch (error) {
    process.exitCode ||= error instanceof CommanderError ? error.exitCode : 1;
    if (error instanceof CommanderError) return;
    process.stderr.write(errorLine(error));
    if (process.env.SATURNN_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  }
}

void main();
