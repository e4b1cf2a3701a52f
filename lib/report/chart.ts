/** Line charts as vector images that follow the reader's light or dark scheme. */
import { invalid } from '../errors';
import { echarts } from './echarts';
import { escapeHtml } from './html';
import { formatNumber } from './number';
import { type Chart, chartOption, ink, width } from './option';
import { schemes } from './palette';

const style =
  `<style>svg{color:${schemes.light.ink}}.paper{fill:${schemes.light.paper}}` +
  `@media(prefers-color-scheme:dark){svg{color:${schemes.dark.ink}}.paper{fill:${schemes.dark.paper}}}</style>`;

/** The chart as an SVG file. @throws ERR_INVALID_ARGUMENT */
export const chartSvg = (chart: Chart): string => chartsSvg([chart]);

/**
 * Charts below each other in one SVG file, on paper of its own: what shows it may follow another scheme than the reader does.
 * @throws ERR_INVALID_ARGUMENT
 */
export function chartsSvg(charts: readonly Chart[]): string {
  let height = 0;
  const parts = charts.map((chart) => {
    const drawn = drawChart(chart);
    const placed = drawn.svg.replace('<svg ', `<svg y="${height}" `);
    height += drawn.height;
    return placed;
  });
  // Attributes are for programs that read no style sheets.
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" \
role="img" color="${schemes.light.ink}"><title>${escapeHtml(charts.map(({ title }) => title).join('; '))}</title>${style}\
<rect class="paper" width="100%" height="100%" fill="${schemes.light.paper}"/>
${parts.join('\n')}
</svg>
`;
}

/** The drawing alone, in the colour of the text around it; its height in pixels. */
export function drawChart(chart: Chart): { readonly svg: string; readonly height: number } {
  checkChart(chart);
  const { height, option } = chartOption(chart);
  const instance = echarts().init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    const formatter = (value: number) => formatNumber(value);
    instance.setOption({
      ...option,
      xAxis:
        'data' in option.xAxis
          ? option.xAxis
          : { ...option.xAxis, axisLabel: { ...option.xAxis.axisLabel, formatter } },
      yAxis: { ...option.yAxis, axisLabel: { ...option.yAxis.axisLabel, formatter } },
    });
    const svg = instance
      .renderToSVGString()
      .replaceAll(ink, 'currentColor')
      .replace(/<rect [^>]*fill="none"><\/rect>/, '')
      // What only ECharts' own scripts use.
      .replace(/<style\b[\s\S]*?<\/style>/g, '')
      .replace(/<\w[^>]*>/g, (tag) => tag.replace(/ (class|ecmeta_\w+)="[^"]*"/g, ''))
      // Numbered per process: two charts in one page would clash, and the same chart would differ from run to run.
      .replace(/\bzr\d+-/g, `${chart.id}-`);
    return { svg, height };
  } finally {
    instance.dispose();
  }
}

/** @throws ERR_INVALID_ARGUMENT for an id that is no file name */
export function checkChart({ id, series }: Chart): void {
  if (typeof id !== 'string' || !/^[a-z][\w-]*$/i.test(id))
    throw invalid('the id of a chart', 'a letter, then letters, digits, - and _', id);
  if (!Array.isArray(series)) throw invalid(`series of chart ${id}`, 'an array', series);
}
