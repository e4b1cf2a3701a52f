/** A sweep for people: a table, accuracy over a, learning curves. */
import type { Chart, Series } from '../report/chart';
import type { ReportPage, ReportTable } from '../report/page';
import type { Spread, SweepEpoch, SweepResult, SweepRow } from './sweep';

const percent = (fraction: number): string => (100 * fraction).toFixed(2);

function cell(spread: Spread | null, seeds: number): string {
  if (!spread) return '-';
  return seeds === 1 ? percent(spread.mean) : `${percent(spread.mean)} ± ${percent(spread.deviation)}`;
}

/** Of the terminal and the report; accuracies in percent. */
export function sweepTable({ activation, rows }: SweepResult): ReportTable {
  const heads = ['a', 'activation', 'train %', 'test %', 'status'];
  const lines = rows.map(({ a, activation: name, train, test, status, trainings }) => {
    const seeds = trainings.length;
    return [String(a), name, cell(train, seeds), cell(test, seeds), status];
  });
  return { title: 'Accuracy after the last epoch', heads, rows: lines, note: noteOf(activation) };
}

function noteOf(activation: string): string {
  const train = 'Training accuracy is that of the last epoch while it is learned, with augmentation.';
  if (activation === 'leakyTanh') return `${train} At a = 1 leaky tanh is tanh.`;
  if (activation === 'leakyRelu') return `${train} At a = 1 leaky ReLU is the identity: a network without activations.`;
  return train;
}

type Side = 'train' | 'test';
const sides: readonly Side[] = ['test', 'train'];

/** Mean and band of a deviation to both sides, in percent. */
function line<T>(items: readonly T[], x: (item: T) => number, of: (item: T) => Spread | null) {
  const known = items.flatMap((item) => {
    const spread = of(item);
    return spread ? [{ x: x(item), mean: 100 * spread.mean, deviation: 100 * spread.deviation }] : [];
  });
  const points = known.map((one) => [one.x, one.mean] as const);
  if (known.every(({ deviation }) => deviation === 0)) return { points };
  return { points, band: known.map(({ x: at, mean, deviation }) => [at, mean - deviation, mean + deviation] as const) };
}

export function sweepCharts({ activation, rows }: SweepResult): Chart[] {
  const accuracy = { label: 'accuracy, %' };
  const overSlope: Series[] = sides.map((side) => ({
    name: side,
    ...line(
      rows,
      ({ a }: SweepRow) => a,
      (row) => row[side],
    ),
    dashed: side === 'train',
  }));
  const ofSide = (side: Side): Series[] =>
    rows.map((row, colour) => ({
      ...{ name: `${row.activation}${row.activation.includes(':') ? '' : ` (a = ${row.a})`}`, colour },
      ...line(
        row.epochs,
        ({ epoch }: SweepEpoch) => epoch,
        (epoch) => epoch[side],
      ),
      dashed: side === 'train',
    }));
  const bands = rows.some(({ trainings }) => trainings.length > 1)
    ? 'Bands: a deviation over seeds to both sides.'
    : '';
  const chart = { y: accuracy, caption: bands || undefined };
  return [
    { id: 'slope', title: `${activation}: accuracy over a`, ...chart, x: { label: 'a' }, series: overSlope },
    { id: 'test', title: 'Test accuracy', ...chart, x: { label: 'epoch' }, series: ofSide('test') },
    { id: 'train', title: 'Training accuracy', ...chart, x: { label: 'epoch' }, series: ofSide('train') },
  ];
}

/** @param settings what the reader may want to know: recipe, data, versions */
export function sweepPage(result: SweepResult, settings: Readonly<Record<string, unknown>>): ReportPage {
  const { activation, complete } = result;
  const unfinished = complete ? '' : ' Not all trainings have ended yet.';
  return {
    title: `Sweep of ${activation}`,
    lead: `How the negative half of ${activation}, a times the positive one's slope at 0, changes what is learned.${unfinished}`,
    tables: [sweepTable(result)],
    charts: sweepCharts(result),
    settings,
  };
}
