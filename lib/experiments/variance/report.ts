/** Report pages of a variance study. */
import { fromData } from '../../options/options';
import type { Chart, Series } from '../../report/option';
import type { ReportPage } from '../../report/page';
import type { VarianceChain } from './chain';
import {
  after,
  byInitialization,
  chainName,
  chainQuantities,
  chainSummary,
  chainTables,
  factorTables,
  layerTables,
  quantities,
} from './tables';
import type { VarianceRun } from './variance';

/** Ratio of a curve's largest and smallest value above which it compresses all other curves into a line. */
const widest = 1e9;

/** Returns the chart and, if some curves span more than `widest`, a second chart of the other curves. */
function withDetail(chart: Chart): Chart[] {
  const span = ({ points }: Series) => {
    const values = points.map(([, y]) => y).filter((y) => y > 0 && Number.isFinite(y));
    return Math.max(...values) / Math.min(...values);
  };
  const near = chart.series.filter((one) => span(one) <= widest);
  if (near.length === 0 || near.length === chart.series.length) return [chart];
  return [
    chart,
    { ...chart, id: `${chart.id}-near`, title: `${chart.title}: without the steepest curves`, series: near },
  ];
}

/** Returns charts of the measured (solid) and predicted (dashed) quantities along a chain. */
function chainCharts(chains: readonly VarianceChain[]): Chart[] {
  const charts = chainQuantities.map(({ key, title }) => ({
    id: `chain-${key}`,
    title: `${title} along the chain`,
    caption: 'Solid lines are measured (mean over draws), dashed lines predicted.',
    x: { label: 'layer' },
    y: { label: title, log: true },
    series: chains.flatMap((chain, colour): Series[] => {
      const points = (of: 'measured' | 'predicted') =>
        chain.layers.map((layer, index) => [1 + index, layer[key][of]] as const);
      const name = chainName(chain);
      return [
        { name, colour, points: points('measured') },
        { name: `${name}, predicted`, colour, dashed: true, points: points('predicted') },
      ];
    }),
  }));
  return charts.flatMap(withDetail);
}

/** Returns the report that `saturnn variance --model chain --out` writes, for writeReport(). */
export function chainPage(chains: readonly VarianceChain[], settings: Readonly<Record<string, unknown>>): ReportPage {
  return fromData('chains', 'the results of the experiment', chains, () => {
    const count = chains[0]?.layers.length ?? 0;
    return {
      title: 'Variances along a plain chain',
      lead:
        'Section 2 of "Revise Saturated Activation Functions", on a chain for which its assumptions hold: ' +
        `${count} layers y = W f(y) with as many inputs as outputs and without padding.`,
      tables: [chainSummary(chains), ...chainTables(chains).map((one) => ({ ...one, appendix: true }))],
      charts: chainCharts(chains),
      settings,
    };
  });
}

/** Returns a chart per initialisation and quantity: along the longest path, a line per activation, dashed after training. */
function layerCharts(runs: readonly VarianceRun[]): Chart[] {
  const charts = byInitialization(runs).flatMap(([initialization, group], number) =>
    quantities.map(({ key, title, of }): Chart => {
      const path = (group[0]?.moments[0]?.layers ?? []).flatMap(({ onLongestPath }, index) =>
        onLongestPath ? [index] : [],
      );
      const names = path.map((index) => group[0]!.moments[0]!.layers[index]!.name);
      const dashed = [...new Set(group.flatMap(({ moments }) => moments.slice(1).map(({ step }) => after(step))))];
      return {
        id: `${key}-${number}`,
        title: `${title}, layer by layer (${initialization})`,
        caption:
          'Layers on the longest path through the network. Solid lines: at step 0.' +
          (dashed.length > 0 ? ` Dashed lines: ${dashed.join(', ')}.` : ''),
        x: { label: 'layer', categories: names },
        y: { label: title, log: true },
        series: group.flatMap(({ activation, moments }, colour) =>
          moments.map(
            ({ step, layers }, moment): Series => ({
              name: moment === 0 ? activation : `${activation}, ${after(step)}`,
              colour,
              dashed: moment > 0,
              points: path.map((index, x) => [x, of(layers[index]!)] as const),
            }),
          ),
        ),
      };
    }),
  );
  return charts.flatMap(withDetail);
}

/**
 * Returns the report that `saturnn variance --out` writes for a network, for writeReport().
 * @param model name of the network
 */
export function variancePage(
  runs: readonly VarianceRun[],
  model: string,
  settings: Readonly<Record<string, unknown>>,
): ReportPage {
  return fromData('runs', 'the results of the experiment', runs, () => {
    const failures = runs.flatMap(({ activation, initialization, failure }) =>
      failure === null ? [] : [`${activation} (${initialization}): ${failure}.`],
    );
    return {
      title: `Variances in ${model}`,
      lead: ['Section 2 of "Revise Saturated Activation Functions", measured layer by layer.', ...failures].join(' '),
      tables: [...factorTables(runs), ...layerTables(runs, { all: true }).map((one) => ({ ...one, appendix: true }))],
      charts: layerCharts(runs),
      settings,
    };
  });
}
