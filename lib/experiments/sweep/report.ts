/** The report of a sweep: a table, accuracy over the slope a, and learning curves. */
import type { Split } from '../../data/source';
import { environment } from '../../measure/harness';
import type { Chart, Series } from '../../report/option';
import { table } from '../../report/textTable';
import { writeReport } from '../../report/write';
import type { Spread } from '../table1/rows';
import { setOf, table1Cells, table1Heads } from '../table1/text';
import type { Sweep, SweepEpoch, SweepRow } from './rows';

/** Columns: those of Table 1, without the paper's accuracies, after the slope. */
const headsOf = (rows: readonly SweepRow[]): string[] => [
  'a',
  ...table1Heads(rows).filter((head) => !head.startsWith('paper')),
];

function cells(rows: readonly SweepRow[]): string[][] {
  const heads = table1Heads(rows);
  return table1Cells(rows).map((row, index) => [
    String(rows[index]!.a),
    ...row.filter((_, column) => !heads[column]!.startsWith('paper')),
  ]);
}

/** Returns the table as text, for the terminal and sweep.txt. */
export const sweepText = ({ activation, rows }: Pick<Sweep, 'activation' | 'rows'>): string =>
  `${table(headsOf(rows), cells(rows))}${limitNote(activation)}`;

function limitNote(activation: string): string {
  if (activation === 'leakyTanh') return 'At a = 1, leaky tanh is tanh.\n';
  if (activation === 'leakyRelu') return 'At a = 1, leaky ReLU is the identity: a network without activations.\n';
  return '';
}

/** Returns the points of a curve, mean accuracies in percent, and a band of one standard deviation to both sides. */
function line<T>(items: readonly T[], x: (item: T) => number, of: (item: T) => Spread | null) {
  const known = items.flatMap((item) => {
    const spread = of(item);
    return spread ? [{ at: x(item), mean: 100 * spread.mean, deviation: spread.deviation }] : [];
  });
  const points = known.map(({ at, mean }) => [at, mean] as const);
  if (known.every(({ deviation }) => deviation === null)) return { points };
  const band = known.map(({ at, mean, deviation }) => {
    const percent = 100 * (deviation ?? 0);
    return [at, mean - percent, mean + percent] as const;
  });
  return { points, band };
}

/** Returns the charts: "slope" (accuracy over a), "test" and "train" (learning curves for each a). */
export function sweepCharts({ activation, rows }: Pick<Sweep, 'activation' | 'rows'>): Chart[] {
  const common = {
    y: { label: 'accuracy, %' },
    ...(rows.some(({ runs }) => runs.length > 1) && {
      caption: 'Bands show one standard deviation over seeds to both sides.',
    }),
  };
  const set = setOf(rows);
  const overSlope = (side: Split): Series => {
    const at = line(
      rows,
      ({ a }: SweepRow) => a,
      (row) => row[side],
    );
    return { name: side === 'test' ? set : side, colour: side === 'test' ? 0 : 1, dashed: side === 'train', ...at };
  };
  const overEpochs = (side: Split): Series[] =>
    rows.map((row, colour) => {
      const name = row.activation.includes(':') ? `a = ${row.a}` : `a = ${row.a} (${row.activation})`;
      return {
        name,
        colour,
        ...line(
          row.epochs,
          ({ epoch }: SweepEpoch) => epoch,
          (epoch) => epoch[side],
        ),
      };
    });
  const epochs = { ...common, x: { label: 'epoch' } };
  return [
    {
      ...{ id: 'slope', title: `Accuracy over the slope of ${activation}'s negative half` },
      ...{ ...common, x: { label: 'a' }, series: [overSlope('test'), overSlope('train')] },
    },
    {
      id: 'test',
      title: set === 'validation' ? 'Validation accuracy' : 'Test accuracy',
      ...epochs,
      series: overEpochs('test'),
    },
    { id: 'train', title: 'Training accuracy', ...epochs, series: overEpochs('train') },
  ];
}

/** Writes report.html and figures/ into the folder. @throws ERR_OUTPUT */
export function writeSweepReport(folder: string, made: Sweep): void {
  const { activation, rows, table: trainings } = made;
  const unfinished = trainings.complete ? '' : ' Not everything has been trained yet.';
  const { fixed, seeds } = trainings.settings;
  writeReport(folder, {
    title: `Sweep of ${activation}`,
    lead: `The same network with ${activation} at several slopes a of its negative half.${unfinished}`,
    tables: [
      { title: 'Accuracy', heads: headsOf(rows), rows: cells(rows), note: limitNote(activation).trim() || undefined },
    ],
    charts: sweepCharts(made),
    settings: { settings: { ...fixed, seeds }, made: environment() },
  });
}
