/** A report as one HTML file that needs nothing else: no network, no fonts, and for reading no scripts. */
import { invalid } from '../errors';
import { drawChart } from './chart';
import { echartsSource } from './echarts';
import { escapeHtml, scriptJson, scriptSource, tableHtml } from './html';
import { type Chart, chartOption } from './option';
import { look } from './palette';
import { pageScript } from './script';
import { pageStyle } from './style';

export interface ReportTable {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly note?: string;
  /** Below the charts: looked up rather than read. */
  readonly appendix?: boolean;
}

export interface ReportPage {
  readonly title: string;
  readonly lead: string;
  readonly tables: readonly ReportTable[];
  /** Drawn in this order; their ids differ. */
  readonly charts: readonly Chart[];
  /** Settings, versions, seeds: what is an object becomes a table of its own, the rest a first one. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Nothing may be loaded, whatever a name in the data might smuggle in. The icon keeps a browser from asking for one. */
const policy = [
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

interface PageSection {
  readonly id: string;
  readonly title: string;
  readonly content: string;
}

/** @throws ERR_INVALID_ARGUMENT */
export function reportHtml(page: ReportPage): string {
  const { title, lead, charts } = page;
  const sections = sectionsOf(page);
  const ids = ['main', 'hint', ...sections.map(({ id }) => id)];
  if (new Set(ids).size < ids.length)
    throw invalid('the ids of charts', 'names that nothing else in the page has', ids);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the contents</a>
<header>
<h1>${escapeHtml(title)}</h1>
${paragraphs(lead)}
${charts.length > 0 ? hint : ''}
</header>
${navigation(sections)}
<main id="main" tabindex="-1">
${sections.map(sectionHtml).join('\n')}
</main>
${charts.length > 0 ? scripts(charts) : ''}
</body>
</html>
`;
}

function sectionsOf({ tables, charts, settings }: ReportPage): PageSection[] {
  const tableSections = tables.map(({ title, heads, rows, note, appendix = false }, index) => ({
    ...{ id: `table-${index + 1}`, title, content: tableHtml(title, heads, rows, note) },
    appendix,
  }));
  const settingsSection = { id: 'settings', title: 'Settings', content: settingsTables(settings).join('\n') };
  return [
    ...tableSections.filter(({ appendix }) => !appendix),
    ...charts.map((chart) => ({ id: chart.id, title: chart.title, content: figure(chart) })),
    ...tableSections.filter(({ appendix }) => appendix),
    ...(settingsSection.content ? [settingsSection] : []),
  ];
}

const sectionHtml = ({ id, title, content }: PageSection) => `<section id="${id}">
<h2 id="${id}-title">${escapeHtml(title)}</h2>
${content}
</section>`;

const hint =
  '<p id="hint" class="note" hidden>Figures show their values under the pointer, and by arrow keys when they have the focus.</p>';

/** An empty line separates paragraphs. */
const paragraphs = (text: string) =>
  text
    .split(/\n{2,}/)
    .filter((part) => part.trim() !== '')
    .map((part) => `<p class="lead">${escapeHtml(part)}</p>`)
    .join('\n');

/** For one section it would be in the way. */
function navigation(sections: readonly PageSection[]): string {
  if (sections.length < 2) return '';
  const items = sections.map(({ id, title }) => `<li><a href="#${id}">${escapeHtml(title)}</a></li>`).join('\n');
  return `<nav aria-label="Contents">\n<ul>\n${items}\n</ul>\n</nav>`;
}

/** What only scripts can do is hidden until they run. */
function figure(chart: Chart): string {
  const { id, title, caption, series } = chart;
  const names = [...new Set(series.map(({ name }) => name))];
  const label = escapeHtml(`${title}. ${chart.y.label} by ${chart.x.label}: ${names.join(', ')}`);
  const boxes = names.map((name) => {
    const index = series.findIndex((one) => one.name === name);
    return `<label><input type="checkbox" value="${escapeHtml(name)}" checked>${swatch(chart, index)}${escapeHtml(name)}</label>`;
  });
  return `<figure aria-labelledby="${id}-title">
<div class="plot" role="img" aria-label="${label}">${drawChart(chart).svg}</div>
<output class="heard" hidden></output>
<fieldset hidden><legend class="heard">Series</legend>${boxes.join('\n')}</fieldset>
<figcaption>${caption ? escapeHtml(caption) : ''}</figcaption>
<details hidden><summary>Values<span class="heard"> of ${escapeHtml(title)}</span></summary></details>
</figure>`;
}

function swatch({ series }: Chart, index: number): string {
  const { colour: place = index, dashed } = series[index]!;
  const { colour, mark } = look(place);
  return (
    '<svg class="swatch" viewBox="-16 -6 32 12" width="32" height="12" aria-hidden="true">' +
    `<path d="M-16 0H16" fill="none" stroke="${colour}" stroke-width="2"${dashed ? ' stroke-dasharray="5 3"' : ''}/>` +
    `<path d="${mark}" fill="${colour}" transform="scale(0.5)"/></svg>`
  );
}

function settingsTables(settings: Readonly<Record<string, unknown>>): string[] {
  const entries = Object.entries(settings);
  const isTable = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const plain = entries.filter(([, value]) => !isTable(value));
  const grouped = entries.filter((entry): entry is [string, object] => isTable(entry[1]));
  const rows = (pairs: readonly (readonly [string, unknown])[]) => pairs.map(([key, value]) => [key, shown(value)]);
  return [
    ...(plain.length > 0 ? [tableHtml('settings', ['setting', 'value'], rows(plain))] : []),
    ...grouped.map(([name, group]) => tableHtml(name, ['setting', 'value'], rows(Object.entries(group)))),
  ];
}

function shown(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function scripts(charts: readonly Chart[]): string {
  const data = charts.map((chart) => ({
    id: chart.id,
    xLabel: chart.x.label,
    categories: chart.x.categories,
    ...chartOption(chart),
  }));
  return `<script>${scriptSource(echartsSource())}</script>
<script>
const charts = ${scriptJson(data)};
${pageScript}</script>`;
}
