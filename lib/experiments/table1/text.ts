/** Table 1 and the search as cells of text. */
import { table } from '../../report/textTable';
import type { RateChoice, Search } from '../rates';
import { describeStatus } from '../status';
import type { Spread, Table1Row } from './rows';

const percent = (fraction: number): string => (100 * fraction).toFixed(2);

/** "70.43 %", "70.43 ± 0.21 %". */
function spread(value: Spread | null): string {
  if (value === null) return '-';
  const { mean, deviation } = value;
  return `${percent(mean)}${deviation === null ? '' : ` ± ${percent(deviation)}`} %`;
}

const hows: Readonly<Record<RateChoice['how'], string>> = { given: 'given', preset: 'preset', search: 'searched' };

export const table1Heads: readonly string[] = [
  ...['activation', 'learning rate', 'train accuracy', 'test accuracy'],
  ...['paper: train', 'paper: test', 'status', 'time'],
];

export function table1Cells(rows: readonly Table1Row[]): string[][] {
  return rows.map(({ activation, rate, train, test, paper, status, seconds }) => [
    activation,
    rate ? `${rate.rate} (${hows[rate.how]})` : '-',
    spread(train),
    spread(test),
    ...[paper?.train, paper?.test].map((value) => (value ? `${percent(value)} %` : paper ? 'N/A' : '-')),
    status,
    duration(seconds),
  ]);
}

export const searchHeads: readonly string[] = [
  'activation',
  'learning rate',
  'train loss',
  'train accuracy',
  'status',
  '',
];

/** A line per trial. */
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

export const runHeads: readonly string[] = [
  ...[
    'run',
    'status',
    'epochs',
    'train accuracy',
    'train, centre crops',
    'test accuracy',
    'best test accuracy',
    'time',
  ],
];

/** A line per training. */
export const runCells = (rows: readonly Table1Row[]): string[][] =>
  rows
    .flatMap(({ runs }) => runs)
    .map(({ label, status, epochs, result }) => {
      const last = epochs.at(-1);
      const values = [last?.trainAccuracy, result?.evaluatedTrain?.accuracy, last?.testAccuracy];
      const cells = values.map((value) => (value === undefined ? '-' : `${percent(value)} %`));
      const best = result?.best ? `${percent(result.best.testAccuracy)} % (epoch ${result.best.epoch})` : '-';
      return [
        label,
        describeStatus(status),
        `${epochs.length}`,
        ...cells,
        best,
        result ? duration(result.seconds) : '-',
      ];
    });

/** "38 s", "12 min", "3.4 h". */
export function duration(seconds: number): string {
  if (seconds < 600) return `${seconds.toFixed(0)} s`;
  return seconds < 36_000 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** For terminals and table.txt. */
export const table1Text = (rows: readonly Table1Row[]): string => table(table1Heads, table1Cells(rows));
