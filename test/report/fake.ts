/** A report in the form of `table1`, with invented curves. */
import type { Chart } from '../../lib/report/chart';
import type { ReportPage } from '../../lib/report/page';

const activations = ['relu', 'leaky relu', 'tanh', 'leaky tanh', 'sigmoid', 'sigmoid*'];
const epochs = Array.from({ length: 12 }, (_, index) => index + 1);

/** Makes a chart with train and test curves of two models, one with a gap and one with a band. */
function comparison(id: string, pair: readonly [number, number]): Chart {
  const curve = (place: number, height: number) =>
    epochs.map((epoch) => [epoch, height * (1 - Math.exp(-epoch / (3 + place)))] as const);
  return {
    id,
    title: `${activations[pair[0]]} and ${activations[pair[1]]}`,
    caption: 'Mean over two seeds; bands from the lowest to the highest. Train is dashed.',
    x: { label: 'epoch' },
    y: { label: 'accuracy, %', min: 0 },
    series: pair.flatMap((place) => [
      { name: `${activations[place]}, train`, colour: place, dashed: true, points: curve(place, 90) },
      {
        name: `${activations[place]}, test`,
        colour: place,
        points: curve(place, 60).map(([x, y]) => [x, place === 0 && x === 5 ? Number.NaN : y] as const),
        band: curve(place, 60).map(([x, y]) => [x, 0.9 * y, 1.1 * y] as const),
      },
    ]),
  };
}

/** A chart of variances in 60 layers, over many powers of ten, for 14 series. */
export const layers: Chart = {
  id: 'layers',
  title: 'Variance by layer',
  x: { label: 'layer', categories: Array.from({ length: 60 }, (_, index) => `inception${index}/branch/conv3x3`) },
  y: { label: 'Var[y]', log: true },
  series: Array.from({ length: 14 }, (_, rate) => ({
    name: `combination ${rate + 1}`,
    points: Array.from({ length: 60 }, (_, layer) => [layer, layer === 30 ? 0 : Math.exp(-layer * rate)] as const),
  })),
};

export const fakePage: ReportPage = {
  title: 'Table 1 & its <figures>',
  lead: 'Six activations in one network.\n\nNothing here was measured.',
  tables: [
    {
      title: 'Table 1',
      heads: ['activation', 'train', 'test', 'paper: test', 'status'],
      rows: activations.map((name, index) => [
        name,
        `${90 - index}.00 %`,
        '60.00 %',
        'N/A',
        index === 4 ? 'stuck' : '',
      ]),
      note: 'N/A: the paper gives none.',
    },
  ],
  charts: [
    comparison('figure1', [0, 1]),
    comparison('figure2', [2, 3]),
    comparison('figure3', [4, 5]),
    comparison('figure4', [0, 3]),
  ],
  settings: {
    preset: 'fake',
    seeds: [1, 2],
    versions: { saturnn: '0.1.0' },
    training: { lr: 0.05, note: '</script>' },
  },
};
