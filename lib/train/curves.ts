/** Draws the learning curves of one training: as an SVG image, and on an HTML page that loads nothing from the network. */

import type { EpochEvent } from '../optim/metric';
import { chartsSvg } from '../report/chart';
import type { Chart } from '../report/option';
import { reportHtml } from '../report/page';

/** Returns two charts over epochs: accuracy in percent, and loss. The training set's lines are dashed. */
export function trainingCharts(title: string, epochs: readonly EpochEvent[]): Chart[] {
  const line = (name: string, value: (event: EpochEvent) => number, dashed = false) => ({
    name,
    dashed,
    points: epochs.map((event) => [event.epoch, value(event)] as const),
  });
  const x = { label: 'epoch' };
  return [
    {
      id: 'accuracy',
      title: `${title}: accuracy`,
      x,
      y: { label: 'accuracy, %', min: 0 },
      series: [
        line('train', ({ trainAccuracy }) => 100 * trainAccuracy, true),
        line('test', ({ testAccuracy }) => 100 * testAccuracy),
      ],
    },
    {
      id: 'loss',
      title: `${title}: loss`,
      x,
      y: { label: 'loss', min: 0 },
      series: [line('train', ({ trainLoss }) => trainLoss, true), line('test', ({ testLoss }) => testLoss)],
    },
  ];
}

/** Returns the content of curves.svg: both charts in one image. */
export const renderSvg = (title: string, epochs: readonly EpochEvent[]): string =>
  chartsSvg(trainingCharts(title, epochs));

/** Returns the content of report.html: the curves, a table with a row per epoch, and the run's settings. */
export function renderReport(
  title: string,
  epochs: readonly EpochEvent[],
  settings: Readonly<Record<string, unknown>>,
): string {
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  const rows = epochs.map((e) => [
    String(e.epoch),
    e.trainLoss.toFixed(4),
    percent(e.trainAccuracy),
    e.testLoss.toFixed(4),
    percent(e.testAccuracy),
    e.imagesPerSecond.toFixed(0),
  ]);
  const heads = ['epoch', 'train loss', 'train accuracy', 'test loss', 'test accuracy', 'images/s'];
  return reportHtml({
    title,
    lead: '',
    tables: [{ title: 'Epochs', heads, rows, appendix: true }],
    charts: trainingCharts(title, epochs),
    settings: { settings },
  });
}
