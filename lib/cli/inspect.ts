/** `saturnn inspect MODEL`: the layers of a model, counted; nothing native is loaded. */
import { Command } from 'commander';
import { createModel, models } from '../models';
import { inspectModel, type ModelSummary } from '../models/inspect';
import { positiveNumber } from './options';

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('print the layers of a model: output shape, parameters, multiply-adds for one image')
    .argument('<model>', `one of ${Object.keys(models).join(', ')}`)
    .option('--width <w>', 'factor on all channel counts', positiveNumber, 1)
    .option('--json', 'print one JSON object')
    .action((name: string, options: { width: number; json?: boolean }) => {
      const summary = inspectModel(createModel(name, { width: options.width }));
      process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : format(summary));
    });
}

function format({ layers, totals }: ModelSummary): string {
  const count = (value: number) => value.toLocaleString('en-US');
  const rows = layers.map((l) => [l.name, l.outputShape.join(' x '), count(l.parameters), count(l.macs)]);
  const table = [['layer', 'output', 'parameters', 'MACs'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ');
  const { convolutions, longestPath, parameters, macs } = totals;
  const total = `${convolutions} convolutions, ${longestPath} on the longest path; ${count(parameters)} parameters; ${count(macs)} MACs`;
  return `${table.map(line).join('\n')}\n\n${total}\n`;
}
