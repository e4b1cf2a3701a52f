/** Figures 1-4 of the paper, from the trainings so far: train and test accuracy per epoch of two activations each. */
import { parseActivation } from '../../ops/activations';
import type { EpochEvent } from '../../optim/metric';
import type { Chart, Series } from '../../report/option';
import { type FigureKind, paperFigures, paperResults, titles } from '../paper';
import { spreadOf, type Table1Row } from './rows';

/** Returns the figures for which at least one of the two activations has a complete epoch. */
export function figuresOf(rows: readonly Table1Row[]): Chart[] {
  return paperFigures.flatMap(({ id, kinds }) => {
    const series = kinds.flatMap((kind, colour) => curvesOf(rowFor(rows, kind), titles[kind], colour));
    if (series.length === 0) return [];
    const [first, second] = kinds.map((kind) => titles[kind]);
    const seeds = Math.max(...rows.map(({ runs }) => runs.length));
    return {
      id,
      title: `Figure ${id.replace('figure', '')}: ${first} and ${second}`,
      caption: seeds > 1 ? `Mean over up to ${seeds} seeds, with a band of one standard deviation.` : undefined,
      x: { label: 'epoch' },
      y: { label: 'accuracy (%)', min: 0 },
      series,
    };
  });
}

/** Returns the row of the paper's activation of this kind or, if there is none, of another activation of the same kind. */
function rowFor(rows: readonly Table1Row[], kind: FigureKind): Table1Row | undefined {
  const same = rows.filter(({ activation }) => parseActivation(activation).kind === kind);
  return same.find(({ activation }) => paperResults.some((paper) => paper.activation === activation)) ?? same[0];
}

function curvesOf(row: Table1Row | undefined, title: string, colour: number): Series[] {
  const runs = row?.runs.map(({ epochs }) => epochs).filter(({ length }) => length > 0) ?? [];
  if (runs.length === 0) return [];
  return [
    curve(`${title} train`, runs, 'trainAccuracy', { colour, dashed: true }),
    curve(`${title} ${row!.evaluated}`, runs, 'testAccuracy', { colour }),
  ];
}

function curve(
  name: string,
  runs: readonly (readonly EpochEvent[])[],
  key: 'trainAccuracy' | 'testAccuracy',
  look: Pick<Series, 'colour' | 'dashed'>,
): Series {
  const length = Math.max(...runs.map((epochs) => epochs.length));
  const spreads = Array.from({ length }, (_, index) =>
    spreadOf(runs.flatMap((epochs) => (index < epochs.length ? 100 * epochs[index]![key]! : []))),
  );
  const at = (index: number) => index + 1;
  const points = spreads.map((spread, index) => [at(index), spread!.mean] as const);
  if (runs.length === 1) return { name, points, ...look };
  const band = spreads.map((spread, index) => {
    const { mean, deviation } = spread!;
    return [at(index), mean - (deviation ?? 0), mean + (deviation ?? 0)] as const;
  });
  return { name, points, ...look, band };
}
