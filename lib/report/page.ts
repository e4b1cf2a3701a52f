/** A report as one HTML file that needs no other files: no network, no fonts, and no scripts for reading. */
import { invalid } from '../errors';
import { checkArgument } from '../options/options';
import { drawChart } from './chart';
import { checkChart } from './checkChart';
import { echartsSource } from './echarts';
import { galleryHtml, type ReportGallery } from './gallery';
import { type HeatMap, heatMapHtml, heatMapsField } from './heatMap';
import { escapeHtml, scriptJson, scriptSource, tableHtml } from './html';
import { type Chart, chartOption } from './option';
import { look } from './palette';
import { pageScript } from './script';
import { pageStyle } from './style';

/** A table of a report. */
export interface ReportTable {
  /** Heading above the table. */
  readonly title: string;
  /** Titles of the columns. */
  readonly heads: readonly string[];
  /** Cells as text, row by row; the first cell of a row is its header. Columns of numbers are aligned to the right. */
  readonly rows: readonly (readonly string[])[];
  /** A paragraph below the table. */
  readonly note?: string;
  /** Puts the table below the charts, for details that are looked up rather than read. Default false. */
  readonly appendix?: boolean;
}

/** Contents of a report, for writeReport(). Texts are plain text, not HTML. */
export interface ReportPage {
  /** Heading of the page. */
  readonly title: string;
  /** Text below the title. An empty line separates paragraphs. */
  readonly lead: string;
  /** Tables in the order of the page. */
  readonly tables: readonly ReportTable[];
  /** Charts in the order of the page. Their ids must differ. */
  readonly charts: readonly Chart[];
  /** Square tables of counts, as pictures behind the charts. Their ids must differ from those of charts. Default: none. */
  readonly heatMaps?: readonly HeatMap[];
  /** Pictures, behind charts and heat maps. Default: none. */
  readonly galleries?: readonly ReportGallery[];
  /**
   * Settings, versions, seeds by name. Each value that is an object becomes its own table; the others share the first one. A value
   * that is undefined is left out, in these objects too.
   */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Content security policy: the page loads nothing, even if a name in the data contained HTML. Icons may be data URLs. */
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

/**
 * Returns a report as the text of an HTML file.
 * @throws ERR_INVALID_ARGUMENT if the id of a chart is not unique in the page or cannot be a file name
 */
export function reportHtml(page: ReportPage): string {
  const { title, lead } = page;
  const charts = page.charts.map(checkChart);
  const heatMaps = checkArgument('heatMaps', heatMapsField, page.heatMaps) ?? [];
  const sections = sectionsOf({ ...page, charts, heatMaps });
  const ids = ['main', 'hint', ...sections.map(({ id }) => id)];
  if (new Set(ids).size < ids.length)
    throw invalid('the ids of charts', 'unique names (main, hint, settings, table-N and gallery-N are taken)', ids);
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

function sectionsOf({ tables, charts, heatMaps = [], galleries = [], settings }: ReportPage): PageSection[] {
  const tableSections = tables.map(({ title, heads, rows, note, appendix = false }, index) => ({
    ...{ id: `table-${index + 1}`, title, content: tableHtml(title, heads, rows, note) },
    appendix,
  }));
  const settingsSection = { id: 'settings', title: 'Settings', content: settingsTables(settings).join('\n') };
  return [
    ...tableSections.filter(({ appendix }) => !appendix),
    ...charts.map((chart) => ({ id: chart.id, title: chart.title, content: figure(chart) })),
    ...heatMaps.map((map) => ({ id: map.id, title: map.title, content: heatMapHtml(map) })),
    ...galleries.map((gallery, index) => ({
      ...{ id: `gallery-${index + 1}`, title: gallery.title, content: galleryHtml(gallery) },
    })),
    ...tableSections.filter(({ appendix }) => appendix),
    ...(settingsSection.content ? [settingsSection] : []),
  ];
}

const sectionHtml = ({ id, title, content }: PageSection) => `<section id="${id}">
<h2 id="${id}-title">${escapeHtml(title)}</h2>
${content}
</section>`;

const hint =
  '<p id="hint" class="note" hidden>To read the values of a figure, point at it, or focus it and use the arrow keys.</p>';

/** Returns text as paragraphs; an empty line separates them. */
const paragraphs = (text: string) =>
  text
    .split(/\n{2,}/)
    .filter((part) => part.trim() !== '')
    .map((part) => `<p class="lead">${escapeHtml(part)}</p>`)
    .join('\n');

/** Links to the sections; empty if there are fewer than two. */
function navigation(sections: readonly PageSection[]): string {
  if (sections.length < 2) return '';
  const items = sections.map(({ id, title }) => `<li><a href="#${id}">${escapeHtml(title)}</a></li>`).join('\n');
  return `<nav aria-label="Contents">\n<ul>\n${items}\n</ul>\n</nav>`;
}

/** A chart with its caption. Elements that only work with scripts are hidden until the script of the page runs. */
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
  const entries = definedIn(settings);
  const isTable = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const plain = entries.filter(([, value]) => !isTable(value));
  const grouped = entries.filter((entry): entry is [string, object] => isTable(entry[1]));
  const rows = (pairs: readonly (readonly [string, unknown])[]) => pairs.map(([key, value]) => [key, shown(value)]);
  return [
    ...(plain.length > 0 ? [tableHtml('settings', ['setting', 'value'], rows(plain))] : []),
    ...grouped.map(([name, group]) => tableHtml(name, ['setting', 'value'], rows(definedIn(group)))),
  ];
}

const definedIn = (settings: object) => Object.entries(settings).filter(([, value]) => value !== undefined);

function shown(value: unknown): string {
  if (value === null) return 'none';
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
