/**
 * One activation at several slopes of its negative half (the paper's second question): a table of trainings like Table 1, in
 * a folder that completes itself, read as a curve over the slope.
 */
import { join } from 'node:path';
import { checkOptions, invalid } from '../../errors';
import { prepareFolder, writeAtomically } from '../../files/durable';
import { activationRow, formatActivation } from '../../ops/activation';
import { parseActivation } from '../../ops/activations';
import type { PresetName } from '../presets';
import { type Spread, spreadOf, type Table1Row } from '../table1/rows';
import { presetOf } from '../table1/settings';
import { type Table1, type Table1Options, table1 } from '../table1/table1';
import { sweepText, writeSweepReport } from './report';

/** Activations with one parameter a, and what each is called at a = 1 where that is an activation of another name. */
const limits: Readonly<Record<string, string | null>> = { leakyTanh: 'tanh', leakyRelu: null, elu: null };

/** What can be swept. */
export const sweptActivations: readonly string[] = Object.keys(limits);
export const defaultSlopes: readonly number[] = [0, 0.1, 0.25, 0.4, 0.5];

export interface SweepOptions extends Omit<Table1Options, 'activations' | 'learningRate'> {
  /** leakyTanh (default), leakyRelu or elu. */
  activation?: string;
  /** Slopes of the negative half; default 0, 0.1, 0.25, 0.4 and 0.5. leakyTanh is followed by tanh, its limit a = 1. */
  values?: readonly number[];
  /** For all slopes. Default: as the preset searches, or has it for the activation at its default slope. */
  learningRate?: Table1Options['learningRate'];
  /** Default: results/sweep-ACTIVATION-PRESET. What is there already, with the same settings, belongs to the sweep. */
  out?: string;
}

/** Over seeds, in an epoch that all of them have. */
export interface SweepEpoch {
  /** From 1. */
  readonly epoch: number;
  readonly train: Spread;
  readonly test: Spread;
}

export interface SweepRow extends Table1Row {
  readonly a: number;
  /** Of the seeds that have not diverged. */
  readonly epochs: readonly SweepEpoch[];
}

export interface Sweep {
  readonly activation: string;
  /** In order of a. */
  readonly rows: readonly SweepRow[];
  /** Settings, searches for learning rates, and whether anything is left to do. Its folder is OUT/trainings. */
  readonly table: Table1;
  readonly out: string;
  readonly report: string;
}

/**
 * Trains what is missing, and makes table, curves and report from what is there: OUT/report.html, figures/, sweep.json,
 * sweep.txt; trainings/ is a table of table1().
 * @throws ERR_INVALID_ARGUMENT; what table1() throws
 */
export async function sweep(options: SweepOptions): Promise<Sweep> {
  const { activation = 'leakyTanh', values = defaultSlopes, ...rest } = checkOptions('{ preset }', options);
  const activations = activationsOf(activation, values);
  const folder = prepareFolder(options.out ?? join('results', `sweep-${activation}-${options.preset}`));
  const learningRate = options.learningRate ?? presetRate(options.preset, activation);
  const table = await table1({ ...rest, learningRate, activations, out: join(folder, 'trainings') });
  const rows = table.rows.flatMap((row) => rowOf(activation, row) ?? []).sort((x, y) => x.a - y.a);
  const made: Sweep = { activation, rows, table, out: folder, report: join(folder, 'report.html') };
  writeAtomically(join(folder, 'sweep.json'), `${JSON.stringify(made, null, 2)}\n`);
  writeAtomically(join(folder, 'sweep.txt'), sweepText(made));
  writeSweepReport(folder, made);
  return made;
}

/** Where a preset has a rate for each activation: that of the swept one's default slope, for all slopes alike. */
function presetRate(preset: PresetName, activation: string): 'auto' | number {
  const { rates } = presetOf(preset);
  if (typeof rates !== 'object') return rates;
  return rates.rates[formatActivation(parseActivation(activation))] ?? rates.otherwise;
}

/** As table1() takes them, the limit last. */
function activationsOf(activation: string, values: readonly number[]): string[] {
  const limit = Object.hasOwn(limits, activation) ? limits[activation] : undefined;
  if (limit === undefined) throw invalid('activation', `one with a slope: ${sweptActivations.join(', ')},`, activation);
  if (!Array.isArray(values) || values.length === 0 || new Set(values).size < values.length)
    throw invalid('values', 'slopes that differ', values);
  const { minimum, maximum } = activationRow(activation).slope!;
  const names = values.map((a) => {
    if (typeof a !== 'number' || !(a >= minimum && a <= maximum))
      throw invalid('values', `slopes of ${activation}, from ${minimum} to ${maximum},`, a);
    return formatActivation(parseActivation(`${activation}:${a}`));
  });
  return [...names, ...(limit === null ? [] : [limit])];
}

/** Null: a row of the folder that belongs to another sweep. */
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
      train: spreadOf(events.map(({ trainAccuracy }) => trainAccuracy))!,
      test: spreadOf(events.map(({ testAccuracy }) => testAccuracy))!,
    };
  });
  return { ...row, a: isLimit ? 1 : slope, epochs };
}
