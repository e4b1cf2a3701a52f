/** Turns a chart into an ECharts option. The option is plain data, so that a page can hold it as JSON. */
import { textWidth } from './echarts';
import { look } from './palette';

/** One curve of a chart. */
export interface Series {
  /** Text of the legend. Series with the same name are shown and hidden together. */
  readonly name: string;
  /** Points in order of x. A y that is not finite is a gap; on a logarithmic axis, so is a y that is not positive. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /**
   * Index of the colour and the mark in the palette of 6 colours and 7 marks; larger numbers start again at 0. Series that
   * belong together (train and test of one model) share it. Default: the index of the series in the chart.
   */
  readonly colour?: number;
  /** Draws the line dashed. Default false. */
  readonly dashed?: boolean;
  /** Lowest and highest y at each x, drawn as a band around the line, for example one standard deviation over seeds. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
}

/** An axis of a chart. */
export interface Axis {
  /** Title of the axis, with the unit: "accuracy, %". */
  readonly label: string;
  /** Uses a logarithmic scale. Default false. */
  readonly log?: boolean;
  /** Lower end of the axis. Default: chosen from the values. */
  readonly min?: number;
  /** Upper end of the axis. Default: chosen from the values. */
  readonly max?: number;
  /** Names along an x axis: a point with x = i stands at `categories[i]`. `log`, `min` and `max` are ignored then. */
  readonly categories?: readonly string[];
}

/** A line chart as plain data, for chartSvg() and writeReport(). */
export interface Chart {
  /** Names the file (`figures/<id>.svg`) and the anchor in a page: a letter, then letters, digits, `-` and `_`. */
  readonly id: string;
  /** Text above the chart. */
  readonly title: string;
  /** Text below the chart in a page. An SVG file does not show it. */
  readonly caption?: string;
  /** The horizontal axis. */
  readonly x: Axis;
  /** The vertical axis. */
  readonly y: Axis;
  /** The curves, in the order of the legend. */
  readonly series: readonly Series[];
}

/** Placeholder colour of axes and text. Drawing replaces it by `currentColor`, which ECharts does not accept as a colour. */
export const ink = '#010203';
export const font = 'sans-serif';
export const width = 900;
const plotHeight = 300;
const fontSize = 13;
const titleSize = 16;
/** Font size, in pixels, of category names that are written downwards from the axis. */
const smallSize = 10;
/** Marks per line at most; more would look like a row of dots. */
const mostMarks = 12;
const longestName = 30;

/** Minimum of values. Math.min(...values) would overflow the stack for long arrays. */
const least = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), 0);

/** Number of rows into which ECharts will break a legend with these names. */
function legendRows(names: readonly string[], { icon, gap }: { icon: number; gap: number }): number {
  let [rows, left] = [1, 0];
  for (const name of names) {
    const wanted = icon + 5 + textWidth(name, fontSize) + gap;
    if (left > 0 && left + wanted > width - 2 * gap) [rows, left] = [rows + 1, 0];
    left += wanted;
  }
  return rows;
}

/** Shortens a long name at its beginning, because neighbouring layers differ at the end of their names. */
const shortened = (name: string) => (name.length > longestName ? `…${name.slice(1 - longestName)}` : name);

/** Smallest value shown on a logarithmic axis: the axis ends at a power of ten below it, which must not underflow to 0. */
const leastOnLog = 1e-280;

/** Returns a value rounded to six digits, or null, a gap, if its axis cannot show it. */
function shown(value: number, axis: Axis): number | null {
  return Number.isFinite(value) && !(axis.log && value < leastOnLog) ? Number(value.toPrecision(6)) : null;
}

const axisText = { color: ink, fontFamily: font, fontSize };

function xAxis(chart: Chart) {
  const { label, log, min, max, categories } = chart.x;
  const common = {
    name: label,
    nameLocation: 'middle' as const,
    nameGap: 10,
    nameTextStyle: axisText,
    axisLine: { onZero: false, lineStyle: { color: ink } },
    axisTick: { lineStyle: { color: ink } },
  };
  if (categories) {
    const names = categories.map(shortened);
    const long = categories.length > 6;
    return {
      ...common,
      // The title of the axis stands below the names, which are written downwards.
      nameGap: long ? 16 + most(names.map((name) => textWidth(name, smallSize))) : common.nameGap,
      type: 'category' as const,
      data: names,
      boundaryGap: false,
      axisLabel: { ...axisText, fontSize: long ? smallSize : fontSize, rotate: long ? 90 : 0 },
    };
  }
  const xs = chart.series.flatMap(({ points }) => points.map(([x]) => x)).filter((x) => shown(x, chart.x) !== null);
  const bounds = xs.length > 0 ? { min: min ?? least(xs), max: max ?? -least(xs.map((x) => -x)) } : { min, max };
  return {
    ...common,
    ...bounds,
    type: log ? ('log' as const) : ('value' as const),
    // Epochs and steps are whole numbers, so no ticks between them.
    minInterval: xs.every(Number.isInteger) ? 1 : 0,
    axisLabel: { ...axisText, hideOverlap: true },
    splitLine: { show: false },
  };
}

function yAxis({ label, log, min, max }: Axis) {
  return {
    type: log ? ('log' as const) : ('value' as const),
    name: label,
    nameLocation: 'middle' as const,
    nameGap: 10,
    nameTextStyle: axisText,
    axisLabel: { ...axisText, hideOverlap: true },
    axisLine: { show: true, onZero: false, lineStyle: { color: ink } },
    splitLine: { lineStyle: { color: ink, opacity: 0.15 } },
    scale: true,
    min,
    max,
  };
}

/** ECharts series of one curve: line, marks and band. They share a name, so that the legend shows and hides them together. */
function drawing(chart: Chart, series: Series, index: number) {
  const { name, points, dashed, band } = series;
  const { colour, mark } = look(series.colour ?? index);
  const symbol = `path://${mark}`;
  const common = { name, silent: true, symbol: 'none', animation: false };
  const line = {
    ...common,
    id: `line ${index}`,
    type: 'line' as const,
    silent: false,
    symbol,
    symbolSize: 8,
    showSymbol: false,
    data: points.map(([x, y]) => [x, shown(y, chart.y)]),
    itemStyle: { color: colour },
    lineStyle: { color: colour, width: 2, type: dashed ? ('dashed' as const) : ('solid' as const) },
    emphasis: { disabled: true },
    z: 3,
  };
  const marks = {
    ...common,
    id: `marks ${index}`,
    type: 'scatter' as const,
    symbol,
    symbolSize: 8,
    data: marked(chart, series, index),
    itemStyle: { color: colour },
    z: 4,
  };
  return [line, marks, ...(band ? bandOf(chart, band, colour, common, index) : [])];
}

/** Points of a series that get a mark, at other places than in the next series: both are visible where lines coincide. */
function marked(chart: Chart, { points }: Series, index: number) {
  const drawable = points.filter(([, y]) => shown(y, chart.y) !== null);
  const every = Math.ceil(drawable.length / mostMarks);
  const first = Math.floor((index * every) / chart.series.length);
  return drawable.filter((_, place) => place % every === first).map(([x, y]) => [x, shown(y, chart.y)]);
}

/** A band as ECharts series: an invisible line along the lower edge and, stacked on it, the filled height of the band. */
function bandOf(chart: Chart, band: NonNullable<Series['band']>, colour: string, common: object, index: number) {
  const usable = band.filter(([, low, high]) => shown(low, chart.y) !== null && shown(high, chart.y) !== null);
  const edge = {
    ...common,
    type: 'line' as const,
    itemStyle: { color: colour },
    stack: `band ${index}`,
    stackStrategy: 'all' as const,
  };
  const unseen = { width: 0, opacity: 0 };
  return [
    { ...edge, id: `low ${index}`, data: usable.map(([x, low]) => [x, low]), lineStyle: unseen },
    {
      ...edge,
      id: `band ${index}`,
      data: usable.map(([x, low, high]) => [x, high - low]),
      lineStyle: unseen,
      areaStyle: { color: colour, opacity: 0.2 },
    },
  ];
}

/** Returns the ECharts option of a chart and the height, in pixels, that it is made for. The width is `width`. */
export function chartOption(chart: Chart) {
  const x = xAxis(chart);
  const names = [...new Set(chart.series.map(({ name }) => name))];
  const titleLines = Math.ceil(textWidth(chart.title, titleSize) / (width - 40));
  const legendTop = 14 + 22 * titleLines;
  const top = legendTop + 26 * legendRows(names, { icon: 32, gap: 12 }) + 10;
  const option = {
    animation: false,
    textStyle: { color: ink, fontFamily: font },
    title: {
      text: chart.title,
      left: 'center',
      top: 8,
      textStyle: { color: ink, fontFamily: font, fontSize: titleSize, width: width - 40, overflow: 'break' as const },
    },
    legend: { top: legendTop, itemWidth: 32, itemHeight: 13, itemGap: 12, data: names, textStyle: axisText },
    grid: {
      left: 14,
      right: 24,
      top,
      bottom: 14,
      outerBoundsMode: 'same' as const,
      outerBoundsContain: 'all' as const,
    },
    xAxis: x,
    yAxis: yAxis(chart.y),
    series: chart.series.flatMap((series, index) => drawing(chart, series, index)),
  };
  return { option, height: top + plotHeight + x.nameGap + 60 };
}
