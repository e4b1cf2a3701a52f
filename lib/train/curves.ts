/** Learning curves: a vector image, and a page that needs no network. Both follow the reader's light or dark scheme. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { EpochEvent } from './events';

const size = { width: 900, height: 380 } as const;
/** Told apart on white and on black, and by readers who do not see red and green alike. */
const colours = { train: '#2a7de1', test: '#e0641a' } as const;
/** Replaced by `currentColor`, which ECharts would not take for a colour. */
const ink = '#010203';

/** Train and test accuracy on the left, loss on the right, by epoch: an ECharts option object. */
export function chartOption(title: string, epochs: readonly EpochEvent[]) {
  const text = { color: ink };
  const grid = (left: string) => ({ left, top: 80, width: '41%', bottom: 45 });
  const xAxis = (gridIndex: number) => ({
    gridIndex,
    type: 'category' as const,
    name: 'epoch',
    nameLocation: 'middle' as const,
    nameGap: 26,
    nameTextStyle: text,
    axisLabel: text,
    axisLine: { lineStyle: { color: ink } },
    data: epochs.map(({ epoch }) => String(epoch)),
  });
  const yAxis = (gridIndex: number, name: string) => ({
    gridIndex,
    type: 'value' as const,
    name,
    nameTextStyle: text,
    axisLabel: text,
    splitLine: { lineStyle: { color: ink, opacity: 0.15 } },
  });
  const line = (name: 'train' | 'test', axis: number, values: number[]) => ({
    name,
    type: 'line' as const,
    xAxisIndex: axis,
    yAxisIndex: axis,
    data: values.map((value) => (Number.isFinite(value) ? Number(value.toPrecision(5)) : null)),
    itemStyle: { color: colours[name] },
    lineStyle: { color: colours[name], type: name === 'train' ? ('dashed' as const) : ('solid' as const) },
    symbolSize: 5,
  });
  return {
    animation: false,
    title: { text: title, left: 'center', textStyle: { ...text, fontSize: 15 } },
    legend: { top: 28, textStyle: text },
    tooltip: { trigger: 'axis' as const },
    grid: [grid('6%'), grid('56%')],
    xAxis: [xAxis(0), xAxis(1)],
    yAxis: [yAxis(0, 'accuracy, %'), yAxis(1, 'loss')],
    series: [
      line(
        'train',
        0,
        epochs.map(({ trainAccuracy }) => 100 * trainAccuracy),
      ),
      line(
        'test',
        0,
        epochs.map(({ testAccuracy }) => 100 * testAccuracy),
      ),
      line(
        'train',
        1,
        epochs.map(({ trainLoss }) => trainLoss),
      ),
      line(
        'test',
        1,
        epochs.map(({ testLoss }) => testLoss),
      ),
    ],
  };
}

/** curves.svg. Without a style sheet's help (an image viewer) it is black on nothing. */
export function renderSvg(title: string, epochs: readonly EpochEvent[]): string {
  // Loaded late: 60 MB and a tenth of a second that nobody needs before the end of a run.
  const echarts = require('echarts') as typeof import('echarts');
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption(chartOption(title, epochs));
    const style = '<style>svg{color:#222}@media (prefers-color-scheme:dark){svg{color:#ddd}}</style>';
    return chart
      .renderToSVGString()
      .replaceAll(ink, 'currentColor')
      .replace(/<rect [^>]*fill="none"><\/rect>/, style);
  } finally {
    chart.dispose();
  }
}

/** report.html: the curves, with values under the pointer where scripts run; the run's settings; a row per epoch. */
export function renderReport(
  title: string,
  epochs: readonly EpochEvent[],
  settings: Readonly<Record<string, unknown>>,
): string {
  const library = readFileSync(createRequire(__filename).resolve('echarts/dist/echarts.common.min.js'), 'utf8');
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  const rows = epochs.map((e) => [
    e.epoch,
    e.trainLoss.toFixed(4),
    percent(e.trainAccuracy),
    e.testLoss.toFixed(4),
    percent(e.testAccuracy),
    e.imagesPerSecond.toFixed(0),
  ]);
  const heads = ['epoch', 'train loss', 'train accuracy', 'test loss', 'test accuracy', 'images/s'];
  const data = script({ option: chartOption(title, epochs), ink });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #15181c; } }
#curves, #curves > svg { width: 100%; height: auto; aspect-ratio: ${size.width} / ${size.height}; }
table { border-collapse: collapse; margin: 1.5rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2rem 0.9rem 0.2rem 0; text-align: right; border-bottom: 1px solid #8884; }
.settings th, .settings td { text-align: left; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<div id="curves">${renderSvg(title, epochs)}</div>
${table('epochs', [heads, ...rows])}
<h2>Settings</h2>
${table('settings', [['setting', 'value'], ...Object.entries(settings).map(([key, value]) => [key, show(value)])])}
<script>${library.replaceAll('</script', '<\\/script')}</script>
<script>
const { option, ink } = ${data};
const holder = document.getElementById('curves');
const dark = matchMedia('(prefers-color-scheme: dark)');
let chart;
function draw() {
  const text = JSON.stringify(option).replaceAll(ink, dark.matches ? '#dddddd' : '#222222');
  chart?.dispose();
  holder.replaceChildren();
  chart = echarts.init(holder);
  chart.setOption(JSON.parse(text));
}
draw();
dark.addEventListener('change', draw);
addEventListener('resize', () => chart.resize());
</script>
</body>
</html>
`;
}

function table(name: string, [heads = [], ...rows]: readonly (readonly unknown[])[]): string {
  const line = (tag: string, cells: readonly unknown[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(String(cell))}</${tag}>`).join('')}</tr>`;
  const body = rows.map((row) => line('td', row)).join('\n');
  return `<table class="${name}"><thead>${line('th', heads)}</thead><tbody>\n${body}\n</tbody></table>`;
}

const show = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

/** JSON that may stand inside a script element. */
const script = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}
