/** `saturnn evaluate`: says what a trained network gets right and wrong. */
import { join, relative } from 'node:path';
import { Command } from 'commander';
import { evaluatedSet, type ImageSource } from '../data/source';
import type { Evaluation } from '../evaluation/evaluation';
import { sumsDefaults } from '../evaluation/sums';
import { prepareFolder, writeAtomically } from '../files/durable';
import { evaluationParts, mistakesOf } from '../report/evaluation';
import { confusionCsv, evaluationData, evaluationText, scoresCsv } from '../report/evaluationText';
import { writeReport } from '../report/write';
import { evaluateFields } from '../train/evaluation/options';
import { loadPredictor } from '../train/loadPredictor';
import { version } from '../version';
import { type ArithmeticOptions, arithmeticOf, openDeviceFor } from './options/arithmetic';
import { addOptions, declare } from './options/declare';
import { type AppliedOptions, addAppliedOptions, openForNetwork } from './options/network';
import { jsonOption, oneObject, outOption } from './options/output';
import { Interruption } from './terminal/interruption';
import { print } from './terminal/print';

const mistakesOption = declare({
  flags: '--mistakes <n>',
  help: 'how many of the worst mistakes are listed and shown',
  field: evaluateFields.mistakes,
  default: sumsDefaults.mistakes,
});

const csvOption = declare({ flags: '--csv', help: 'print the confusion matrix as CSV instead of text' });

/** Width of a terminal, in characters, if it is not known, as in a pipe. */
const usualColumns = 100;

interface EvaluateOptions extends AppliedOptions, ArithmeticOptions {
  mistakes: number;
  out?: string;
  csv?: boolean;
}

export function evaluateCommand(): Command {
  const command = new Command('evaluate').description(
    'evaluate a trained network: loss, accuracies, scores of each class, confusion matrix, calibration, worst mistakes',
  );
  addOptions(
    addAppliedOptions(command),
    mistakesOption(),
    outOption({ note: ': report.html, evaluation.json, confusion.csv and classes.csv', otherwise: 'nowhere' }),
    csvOption(),
    jsonOption({ note: oneObject }).conflicts('csv'),
  );
  return command.action(evaluate);
}

async function evaluate(options: EvaluateOptions): Promise<void> {
  const { weights, batch, split, crop, mistakes, csv = false, json = false } = options;
  const device = openDeviceFor(options);
  // Made before the work, so that a folder that cannot be written is known at once.
  const out = options.out === undefined ? null : prepareFolder(options.out);
  const sources = await openForNetwork({ ...options, json: json || csv });
  const interruption = new Interruption();
  try {
    const source = sources[split];
    const arithmetic = { batch, device, ...arithmeticOf(options) };
    using predictor = await loadPredictor(weights, { shape: source.shape, crop, ...arithmetic });
    const evaluation = await predictor.evaluate(source, { mistakes, signal: interruption.signal });
    if (csv) print(confusionCsv(evaluation));
    else if (json) print(`${JSON.stringify(evaluationData(evaluation))}\n`);
    else print(evaluationText(evaluation, process.stdout.columns ?? usualColumns));
    const report = out === null ? null : await write(out, source, evaluation, options);
    if (report !== null && !json && !csv) print(`\nreport: ${relative('', report)}\n`);
  } finally {
    interruption.dispose();
    await sources.close();
  }
}

/** Writes the results into a folder. @returns the path of the report */
async function write(
  folder: string,
  source: ImageSource,
  evaluation: Evaluation,
  { weights, data, split }: EvaluateOptions,
): Promise<string> {
  writeAtomically(join(folder, 'evaluation.json'), `${JSON.stringify(evaluationData(evaluation), null, 1)}\n`);
  writeAtomically(join(folder, 'confusion.csv'), confusionCsv(evaluation));
  writeAtomically(join(folder, 'classes.csv'), scoresCsv(evaluation));
  const { report } = writeReport(folder, {
    title: 'Evaluation',
    lead: `${weights} on the ${split === 'test' ? evaluatedSet(source) : 'training'} set of ${data}: ${evaluation.count} images of ${evaluation.classes} classes.`,
    ...evaluationParts(evaluation, await mistakesOf(source, evaluation)),
    settings: { weights, data, split, saturnn: version, node: process.versions.node },
  });
  return report;
}
