#!/usr/bin/env node
/** The `saturnn` command. An error becomes one line on stderr and exit code 1; SATURNN_DEBUG=1 adds the stack. */
import { Command, CommanderError } from 'commander';
import { description, version } from '../version';
import { benchCommand } from './bench';
import { buildCommand } from './build';
import { dataCommand } from './data';
import { doctorCommand } from './doctor';
import { equivalenceCommand } from './equivalence';
import { estimateCommand } from './estimate';
import { inspectCommand } from './inspect';
import { predictCommand } from './predict';
import { sweepCommand } from './sweep';
import { table1Command } from './table1';
import { errorLine, usageErrorLine } from './terminal/errorLine';
import { traceCommand } from './trace';
import { trainCommand } from './train';
import { varianceCommand } from './variance';

function program(): Command {
  const root = new Command('saturnn').description(description).version(version);
  for (const command of [
    trainCommand(),
    predictCommand(),
    dataCommand(),
    inspectCommand(),
    estimateCommand(),
    equivalenceCommand(),
    traceCommand(),
    table1Command(),
    varianceCommand(),
    sweepCommand(),
    benchCommand(),
    doctorCommand(),
    buildCommand(),
  ])
    root.addCommand(command);
  for (const command of [root, ...root.commands, ...root.commands.flatMap(({ commands }) => commands)]) {
    command.exitOverride().configureOutput({ outputError: (text, write) => write(usageErrorLine(text)) });
  }
  return root;
}

async function main(): Promise<void> {
  // A reader that has seen enough (saturnn inspect ... | head) is no failure.
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
