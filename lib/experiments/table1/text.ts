/** Cells of the tables of a Table 1: rows, search, trainings. */
import type { EvaluatedSet } from '../../data/source';
import { formatDuration } from '../../report/number';
import { table } from '../../report/textTable';
import type { RateChoice, Search } from '../rates';
import { describeStatus } from '../status';
import type { Spread, Table1Row } from './rows';

const percent = (fraction: number): string => (100 * fraction).toFixed(2);

/** Formats a mean, with its deviation if there is one: "70.43 %", "70.43 ± 0.21 %". */
function spread(value: Spread | null): string {
  if (value === null) return '-';
  const { mean, deviation } = value;
  return `${percent(mean)}${deviation === null ? '' : ` ± ${percent(deviation)}`} %`;
}

const hows: Readonly<Record<RateChoice['how'], string>> = { given: 'given', preset: 'preset', search: 'searched' };

/** Returns the name of the set that the trainings of a table have evaluated. */
export const setOf = (rows: readonly Table1Row[]): EvaluatedSet =>
  rows.some(({ evaluated }) => evaluated === 'validation') ? 'validation' : 'test';

/** Returns the columns of Table 1. */
export const table1Heads = (rows: readonly Table1Row[]): string[] => [
  ...['activation', 'learning rate', 'train accuracy', `${setOf(rows)} accuracy`],
  ...['paper: train', 'paper: test', 'status', 'time'],
];

/** Returns the cells of Table 1. */
export function table1Cells(rows: readonly Table1Row[]): string[][] {
  return rows.map(({ activation, rate, train, test, paper, status, seconds }) => [
    activation,
    rate ? `${rate.rate} (${hows[rate.how]})` : '-',
    spread(train),
    spread(test),
    ...[paper?.train, paper?.test].map((value) => (value ? `${percent(value)} %` : paper ? 'N/A' : '-')),
    status,
    formatDuration(seconds),
  ]);
}

/** Columns of the table of the search. */
export const searchHeads: readonly string[] = [
  'activation',
  'learning rate',
  'train loss',
  'train accuracy',
  'status',
  '',
];

/** Returns the cells of the table of the search, a row per trial. */
export function searchCells(searches: readonly Search[]): string[][] {
  return searches.flatMap(({ activation, trials, chosen, note }) =>
    trials.map(({ rate, trainLoss, trainAccuracy, status }) => [
      activation,
      `${rate}`,
      trainLoss === null ? '-' : trainLoss.toFixed(4),
      trainAccuracy === null ? '-' : `${percent(trainAccuracy)} %`,
      describeStatus(status),
      rate === chosen ? ['chosen', note].filter(Boolean).join(', ') : '',
    ]),
  );
}

/** Returns the columns of the table of trainings. */
export const runHeads = (rows: readonly Table1Row[]): string[] => [
  ...['run', 'status', 'epochs', 'train accuracy', 'train, centre crops'],
  ...[`${setOf(rows)} accuracy`, `best ${setOf(rows)} accuracy`, 'time'],
];

/** Returns the cells of the table of trainings, a row per training. */
export const runCells = (rows: readonly Table1Row[]): string[][] =>
  rows
    .flatMap(({ runs }) => runs)
    .map(({ label, status, epochs, result }) => {
      const last = epochs.at(-1);
      const values = [last?.trainAccuracy, result?.evaluatedTrain?.accuracy, last?.testAccuracy];
      const cells = values.map((value) => (value === undefined ? '-' : `${percent(value)} %`));
      const best = result?.best ? `${percent(result.best.testAccuracy!)} % (epoch ${result.best.epoch})` : '-';
      return [
        label,
        describeStatus(status),
        `${epochs.length}`,
        ...cells,
        best,
        result ? formatDuration(result.seconds) : '-',
      ];
    });

/** Returns Table 1 as text, for the terminal and table.txt. */
export const table1Text = (rows: readonly Table1Row[]): string => table(table1Heads(rows), table1Cells(rows));
