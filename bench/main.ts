/** Runs `npm run bench -- ...` (program.ts). */
import { CommanderError } from 'commander';
import { errorLine } from '../lib/cli/terminal/errorLine';
import { benchProgram } from './program';

async function main(): Promise<void> {
  try {
    await benchProgram().parseAsync();
  } catch (error) {
    process.exitCode = error instanceof CommanderError ? error.exitCode : 1;
    if (!(error instanceof CommanderError)) process.stderr.write(errorLine(error));
  }
}

void main();
