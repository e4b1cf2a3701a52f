/** Draws the learning curves of one training: as an SVG image, and on an HTML page that loads nothing from the network. */

import type { EvaluatedSet } from '../data/source';
import {
  type MetricName,
  type MetricsKind,
  mainMetric,
  metricsOfKind,
  metricTable,
  metricText,
} from '../evaluation/metrics';
import { type EpochEvent, metricIn } from '../optim/metric';
import { chartsSvg } from '../report/chart';
import type { Chart } from '../report/option';
import { type ReportTable, reportHtml } from '../report/page';
import type { FinalEvaluation } from './evaluation/finalEvaluation';
import type { StepEvent } from './events';

/** The events of a run that its curves show. */
export interface RunEvents {
  readonly epochs: readonly EpochEvent[];
  readonly steps: readonly StepEvent[];
}

/** With fewer epochs, curves are drawn over steps, because a few points make no curve. */
const fewEpochs = 10;

/** The most points of a line over steps; each is the mean of a few step events then. */
const mostPoints = 200;

/** An epoch after which the test set was evaluated. */
type Tested = EpochEvent & Required<Pick<EpochEvent, 'testLoss'>>;

const isTested = (event: EpochEvent): event is Tested => event.testLoss !== undefined;

/** Returns what the network of these events computes: what it is measured by says it. */
function kindOf(events: readonly (EpochEvent | StepEvent)[]): MetricsKind {
  const [event] = events;
  const has = (kind: MetricsKind) => {
    const name = mainMetric(kind);
    return (
      event && (event.event === 'epoch' ? metricIn(event, 'train', name) : event[name as 'accuracy']) !== undefined
    );
  };
  return (['numbers', 'labels'] as const).find(has) ?? 'classes';
}

/** Returns the name of the set that was evaluated after epochs. */
const setOf = (epochs: readonly EpochEvent[]): EvaluatedSet =>
  epochs.find(({ evaluated }) => evaluated)?.evaluated ?? 'test';

type Point = readonly [x: number, y: number];

/**
 * Returns a chart of each metric that the network has (accuracy in percent), and then of the loss. The training set's lines are dashed. With at least 10 epochs, and no evaluation
 * within one, they are over epochs; otherwise over steps, where the training set has a point for each step event and the test set for each epoch. Without an
 * evaluation of the test set they have no line of it.
 */
export function trainingCharts({ epochs, steps }: RunEvents): Chart[] {
  const hasParts = epochs.slice(0, -1).some(({ complete }) => !complete);
  const isBySteps = (epochs.length < fewEpochs || hasParts) && steps.length > 1;
  const x = { label: isBySteps ? 'step' : 'epoch' };
  const tested = epochs.filter(isTested);
  const test = (value: (event: Tested) => number) =>
    tested.length === 0
      ? []
      : [
          {
            name: setOf(epochs),
            points: tested.map((event): Point => [isBySteps ? event.step : event.epoch, value(event)]),
          },
        ];
  const train = (ofEpoch: (event: EpochEvent) => number, ofStep: (event: StepEvent) => number) => ({
    name: 'train',
    dashed: true,
    points: isBySteps
      ? joined(steps.map((event): Point => [event.step, ofStep(event)]))
      : epochs.map((event): Point => [event.epoch, ofEpoch(event)]),
  });
  const metrics = metricsOfKind(kindOf([...epochs, ...steps])).filter((name) => name !== 'top5');
  return [...metrics, 'loss' as const].map((name): Chart => {
    const { words, isShare } = metricTable[name];
    const factor = isShare ? 100 : 1;
    const ofStep = (event: StepEvent) => event[name] ?? Number.NaN;
    const ofEpoch = (set: 'train' | 'test') => (event: EpochEvent) =>
      factor * (metricIn(event, set, name) ?? Number.NaN);
    return {
      id: name,
      title: `${words[0]!.toUpperCase()}${words.slice(1)}`,
      x,
      y: isShare ? { label: `${words}, %`, min: 0 } : { label: words },
      series: [train(ofEpoch('train'), (event) => factor * ofStep(event)), ...test(ofEpoch('test'))],
    };
  });
}

/** Returns at most `mostPoints` points: the means of neighbours, at the last x of each group. */
function joined(points: readonly Point[]): Point[] {
  const size = Math.ceil(points.length / mostPoints);
  const groups = Array.from({ length: Math.ceil(points.length / size) }, (_, i) =>
    points.slice(i * size, (i + 1) * size),
  );
  return groups.map((group) => [group.at(-1)![0], group.reduce((sum, [, y]) => sum + y, 0) / group.length]);
}

/** Returns the content of curves.svg: all charts in one image, the first with the run's name in its title. */
export function renderSvg(name: string, events: RunEvents): string {
  const [first, ...others] = trainingCharts(events) as [Chart, ...Chart[]];
  const { words } = metricTable[first.id as MetricName];
  return chartsSvg([{ ...first, title: `${name}: ${words}` }, ...others]);
}

/** The heading of its evaluation. */
const titles: Readonly<Record<EvaluatedSet, string>> = { test: 'Test set', validation: 'Validation set' };

/**
 * Returns the content of report.html: the curves, a table with a row per epoch, the run's settings, and the evaluation of the test set
 * if there is one.
 */
export function renderReport(
  name: string,
  events: RunEvents,
  settings: Readonly<Record<string, unknown>>,
  evaluation: FinalEvaluation | null = null,
): string {
  const { tables: [figures, ...tables] = [], charts = [], heatMaps, galleries } = evaluation?.parts ?? {};
  const lead = summary(events.epochs);
  return reportHtml({
    title: name,
    lead: evaluation && !evaluation.parts ? `${lead}\n\n${evaluation.note}` : lead,
    tables: [
      ...(figures ? [{ ...figures, title: titles[setOf(events.epochs)], note: evaluation!.note }] : []),
      epochTable(events.epochs),
      ...tables.map((table) => ({ ...table, appendix: true })),
    ],
    charts: [...trainingCharts(events), ...charts],
    ...(heatMaps && { heatMaps }),
    ...(galleries && { galleries }),
    settings,
  });
}

/** Returns the result in a sentence or two: the metrics at the end, and the best epoch's if that is another one. */
function summary(epochs: readonly EpochEvent[]): string {
  const last = epochs.at(-1);
  if (!last) return 'No epoch has been evaluated.';
  const name = mainMetric(kindOf(epochs));
  const { words, better } = metricTable[name];
  const value = (event: EpochEvent, set: 'train' | 'test') => metricIn(event, set, name) ?? Number.NaN;
  const place = `After epoch ${last.epoch} (step ${last.step})`;
  const train = `train ${words} ${metricText(name, value(last, 'train'))}`;
  const tested = epochs.filter(isTested);
  const set = setOf(epochs);
  const test = isTested(last) ? `${set} ${words} ${metricText(name, value(last, 'test'))}, ` : '';
  const end = `${place}: ${test}${train}.`;
  if (tested.length === 0) return `${end} No test set was evaluated.`;
  const isBetter = (a: number, b: number) => (better === 'more' ? b > a : b < a);
  const best = tested.reduce((a, b) => (isBetter(value(a, 'test'), value(b, 'test')) ? b : a));
  return best === last
    ? end
    : `${end} The best ${set} ${words} was ${metricText(name, value(best, 'test'))}, after epoch ${best.epoch}.`;
}

function epochTable(epochs: readonly EpochEvent[]): ReportTable {
  const hasTest = epochs.some(isTested);
  const set = setOf(epochs);
  const names = ['loss' as const, ...metricsOfKind(kindOf(epochs)).filter((name) => name !== 'top5')];
  const cells = (event: EpochEvent, of: 'train' | 'test') =>
    names.map((name) => {
      const value = metricIn(event, of, name);
      return value === undefined ? '-' : metricText(name, value);
    });
  const rows = epochs.map((e) => [
    e.complete || e === epochs.at(-1) ? `${e.epoch}` : `${e.epoch}, to step ${e.step}`,
    ...cells(e, 'train'),
    ...(hasTest ? cells(e, 'test') : []),
    e.imagesPerSecond.toFixed(0),
  ]);
  const headsOf = (of: string) => names.map((name) => `${of} ${metricTable[name].words}`);
  const heads = ['epoch', ...headsOf('train'), ...(hasTest ? headsOf(set) : []), 'images/s'];
  return { title: 'Epochs', heads, rows, appendix: true };
}
