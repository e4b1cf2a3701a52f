/** The `saturnn` command and all its subcommands. */
import { Command } from 'commander';
import { description, version } from '../version';
import { benchCommand } from './bench';
import { buildCommand } from './build';
import { convertCommand } from './convert';
import { dataCommand } from './data';
import { doctorCommand } from './doctor';
import { equivalenceCommand } from './equivalence';
import { estimateCommand } from './estimate';
import { evaluateCommand } from './evaluate';
import { explainCommand } from './explain';
import { exportCommand } from './export';
import { inspectCommand } from './inspect';
import { predictCommand } from './predict';
import { sweepCommand } from './sweep';
import { table1Command } from './table1';
import { usageErrorLine } from './terminal/errorLine';
import { traceCommand } from './trace';
import { trainCommand } from './train';
import { varianceCommand } from './variance';

/** Makes the command. Errors of usage are thrown, and printed as one line. */
export function program(): Command {
  const root = new Command('saturnn').description(description).version(version);
  for (const command of [
    trainCommand(),
    predictCommand(),
    evaluateCommand(),
    explainCommand(),
    convertCommand(),
    exportCommand(),
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
    command.exitOverride().configureOutput({ outputError: (text, write) => write(usageErrorLine(text, command)) });
  }
  return root;
}
