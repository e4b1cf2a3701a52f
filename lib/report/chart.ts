/** Line charts as vector images that follow the reader's light or dark scheme. */

import { fromData } from '../options/options';
import { checkChart } from './checkChart';
import { drawOption } from './draw';
import { escapeHtml } from './html';
import { formatNumber } from './number';
import { type Chart, chartOption, width } from './option';
import { schemes } from './palette';

const style =
  `<style>svg{color:${schemes.light.ink}}.paper{fill:${schemes.light.paper}}` +
  `@media(prefers-color-scheme:dark){svg{color:${schemes.dark.ink}}.paper{fill:${schemes.dark.paper}}}</style>`;

/**
 * Draws a chart, 900 pixels wide, as the text of an SVG file that follows the reader's light or dark colour scheme.
 * @throws ERR_INVALID_ARGUMENT if the chart has not the form of its type; the message names the place
 */
export const chartSvg = (chart: Chart): string => fromData('chart', 'a Chart', chart, () => chartsSvg([chart]));

/**
 * Draws charts below each other in one SVG file. The file paints its own background, because the program that shows it may
 * use another colour scheme than the reader's.
 * @throws ERR_INVALID_ARGUMENT as chartSvg()
 */
export function chartsSvg(charts: readonly Chart[]): string {
  let height = 0;
  const parts = charts.map((chart) => {
    const drawn = drawChart(chart);
    const placed = drawn.svg.replace('<svg ', `<svg y="${height}" `);
    height += drawn.height;
    return placed;
  });
  // The colours stand in attributes as well, for programs that ignore style sheets.
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" \
role="img" color="${schemes.light.ink}"><title>${escapeHtml(charts.map(({ title }) => title).join('; '))}</title>${style}\
<rect class="paper" width="100%" height="100%" fill="${schemes.light.paper}"/>
${parts.join('\n')}
</svg>
`;
}

/**
 * Draws a chart for use inside a page: the `<svg>` element without background, in the colour of the text around it, and its
 * height in pixels.
 * @throws ERR_INVALID_ARGUMENT as chartSvg()
 */
export function drawChart(given: Chart): { readonly svg: string; readonly height: number } {
  const chart = checkChart(given);
  const { height, option } = chartOption(chart);
  const formatter = (value: number) => formatNumber(value);
  const svg = drawOption(
    {
      ...option,
      xAxis:
        'data' in option.xAxis
          ? option.xAxis
          : { ...option.xAxis, axisLabel: { ...option.xAxis.axisLabel, formatter } },
      yAxis: { ...option.yAxis, axisLabel: { ...option.yAxis.axisLabel, formatter } },
    },
    { id: chart.id, width, height },
  );
  return { svg, height };
}
