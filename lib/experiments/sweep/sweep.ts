/**
 * Trains a network with one activation at several slopes of its negative half (the paper's second open question). The trainings
 * form a table like Table 1, in a folder in which an interrupted sweep goes on; the report shows accuracy over the slope.
 */
import { join } from 'node:path';
import { invalid } from '../../errors';
import { writeAtomically } from '../../files/durable';
import { activationRow, formatActivation } from '../../ops/activation';
import { parseActivation } from '../../ops/activations';
import { anyNumber, arrayOf, optional, text } from '../../options/field';
import { Options } from '../../options/options';
import { entryOf, isArray } from '../../options/values';
import type { PresetName } from '../presets';
import { ResultFolder } from '../resultFolder';
import { spreadOf, type Table1Row } from '../table1/rows';
import { presetOf } from '../table1/settings';
import { type Table1Options, table1, table1Fields } from '../table1/table1';
import { sweepText, writeSweepReport } from './report';
import type { Sweep, SweepRow } from './rows';

/** Activations with a parameter a, each with the name of the activation that it becomes at a = 1, if that has another name. */
const limits: Readonly<Record<string, string | null>> = { leakyTanh: 'tanh', leakyRelu: null, elu: null };

/** Activations that can be swept. */
export const sweptActivations: readonly string[] = Object.keys(limits);
/** Default slopes of a sweep. */
export const defaultSlopes: readonly number[] = [0, 0.1, 0.25, 0.4, 0.5];

/** Options of sweep(): those of table1(), and which slopes to train. */
export interface SweepOptions extends Omit<Table1Options, 'activations' | 'learningRate'> {
  /** Activation: "leakyTanh" (default), "leakyRelu" or "elu". */
  activation?: string;
  /**
   * Different slopes a of the negative half, within the activation's range. Default: 0, 0.1, 0.25, 0.4 and 0.5. For
   * leakyTanh, tanh is added, its limit at a = 1.
   */
  values?: readonly number[];
  /**
   * Learning rate of all slopes, or "auto" to search for the rate of each. Default: as the preset says; if it has rates by
   * activation, that of the activation at its default slope, for all slopes.
   */
  learningRate?: Table1Options['learningRate'];
  /**
   * Folder of the sweep. Default: results/sweep-ACTIVATION-PRESET. Trainings that it holds already, with the same settings,
   * are kept.
   */
  out?: string;
}

const { activations: _, ...fieldsOfTable } = table1Fields;
const sweepOptions = new Options<SweepOptions>('sweep()', {
  ...fieldsOfTable,
  activation: optional(text),
  values: optional(arrayOf(anyNumber, 'an array of slopes')),
});

/**
 * Runs the trainings of a sweep that the folder does not hold yet, and writes table, curves and report of all that it holds:
 * report.html, figures/, sweep.json and sweep.txt. Its subfolder trainings/ is a folder of table1().
 * @throws ERR_INVALID_ARGUMENT for another activation, equal slopes or a slope out of range; what table1() throws
 */
export async function sweep(given: SweepOptions): Promise<Sweep> {
  const options = sweepOptions.check(given);
  const { activation = 'leakyTanh', values = defaultSlopes, ...rest } = options;
  const activations = activationsOf(activation, values);
  using results = new ResultFolder(options.out ?? join('results', `sweep-${activation}-${options.preset}`));
  const folder = results.path;
  const learningRate = options.learningRate ?? presetRate(options.preset, activation);
  const table = await table1({ ...rest, learningRate, activations, out: join(folder, 'trainings') });
  const rows = table.rows.flatMap((row) => rowOf(activation, row) ?? []).sort((x, y) => x.a - y.a);
  const made: Sweep = { activation, rows, table, out: folder, report: join(folder, 'report.html') };
  writeAtomically(join(folder, 'sweep.json'), `${JSON.stringify(made, null, 2)}\n`);
  writeAtomically(join(folder, 'sweep.txt'), sweepText(made));
  writeSweepReport(folder, made);
  return made;
}

/**
 * Returns the learning rate of a preset, or "auto". If the preset has rates by activation, it is that of the swept activation
 * at its default slope, for all slopes alike.
 */
function presetRate(preset: PresetName, activation: string): 'auto' | number {
  const { rates } = presetOf(preset);
  if (typeof rates !== 'object') return rates;
  return rates.rates[formatActivation(parseActivation(activation))] ?? rates.otherwise;
}

/** Returns the activations as table1() takes them, the limit last. */
function activationsOf(activation: string, values: readonly number[]): string[] {
  const limit = entryOf(limits, activation);
  if (limit === undefined) throw invalid('activation', `one with a slope: ${sweptActivations.join(', ')},`, activation);
  if (!isArray(values) || values.length === 0 || new Set(values).size < values.length)
    throw invalid('values', 'slopes that differ', values);
  const { minimum, maximum } = activationRow(activation).slope!;
  const names = values.map((a) => {
    if (typeof a !== 'number' || !(a >= minimum && a <= maximum))
      throw invalid('values', `slopes of ${activation}, from ${minimum} to ${maximum},`, a);
    return formatActivation(parseActivation(`${activation}:${a}`));
  });
  return [...names, ...(limit === null ? [] : [limit])];
}

/** Makes the row of a slope. Returns null for a row of the folder that belongs to the sweep of another activation. */
function rowOf(activation: string, row: Table1Row): SweepRow | null {
  const { kind, slope } = parseActivation(row.activation);
  const isLimit = kind === limits[activation];
  if (kind !== activation && !isLimit) return null;
  const curves = row.runs.filter(({ status }) => status.kind !== 'diverged' && status.kind !== 'missing');
  const length = curves.length === 0 ? 0 : Math.min(...curves.map(({ epochs }) => epochs.length));
  const epochs = Array.from({ length }, (_, index) => {
    const events = curves.map((run) => run.epochs[index]!);
    return {
      epoch: events[0]!.epoch,
      train: spreadOf(events.map(({ trainAccuracy }) => trainAccuracy!))!,
      test: spreadOf(events.map(({ testAccuracy }) => testAccuracy!))!,
    };
  });
  return { ...row, a: isLimit ? 1 : slope, epochs };
}
