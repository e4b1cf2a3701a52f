/**
 * The script of a report, as text for the browser. It shows values under the pointer and by arrow keys, shows and hides series,
 * and lists the values as tables. The page defines `charts` and `echarts` before it.
 */
import { formatNumber } from './number';

/** Source of the script. */
export const pageScript = `
const formatNumber = ${formatNumber.toString()};

function element(tag, text = '', attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Lines with their values by x; the band's edges where there is one. */
function readLines({ series }) {
  const data = (id) => new Map(series.find((one) => one.id === id)?.data);
  return series.filter(({ id }) => id.startsWith('line')).map(({ id, name, data: points }) => {
    const index = id.split(' ')[1];
    return { name, values: new Map(points), low: data('low ' + index), height: data('band ' + index) };
  });
}

const show = (value) => (value === null || value === undefined ? '–' : formatNumber(value));

function valuesTable(title, { xLabel, lines, xs, nameOf }) {
  const heads = [xLabel];
  const columns = [];
  for (const { name, values, low, height } of lines) {
    heads.push(name);
    columns.push((x) => values.get(x));
    if (low.size === 0) continue;
    heads.push(name + ', lowest', name + ', highest');
    columns.push((x) => low.get(x), (x) => (low.has(x) ? low.get(x) + height.get(x) : null));
  }
  const table = element('table');
  table.append(element('caption', title), element('thead'), element('tbody'));
  const row = (part) => part.appendChild(element('tr'));
  const head = row(table.tHead);
  for (const text of heads) head.append(element('th', text, { scope: 'col', class: 'number' }));
  for (const x of xs) {
    const line = row(table.tBodies[0]);
    line.append(element('th', nameOf(x), { scope: 'row', class: 'number' }));
    for (const value of columns) line.append(element('td', show(value(x)), { class: 'number' }));
  }
  const holder = element('div', '', { class: 'scroll', role: 'region', 'aria-label': title, tabindex: '0' });
  holder.append(table);
  return holder;
}

function start({ id, xLabel, categories, option, height }) {
  const section = document.getElementById(id);
  const find = (selector) => section.querySelector(selector);
  const [plot, reading, boxes, details] = ['.plot', 'output', 'fieldset', 'details'].map(find);
  const lines = readLines(option);
  const xs = [...new Set(lines.flatMap(({ values }) => [...values.keys()]))].sort((a, b) => a - b);
  const nameOf = (x) => categories?.[x] ?? formatNumber(x);
  const inputs = [...boxes.querySelectorAll('input')];
  const swatchOf = (name) => inputs.find(({ value }) => value === name).nextElementSibling.cloneNode(true);
  const rowsAt = (x) => {
    const visible = new Set(inputs.filter(({ checked }) => checked).map(({ value }) => value));
    return lines.filter(({ name, values }) => visible.has(name) && values.has(x))
      .map(({ name, values }) => [name, show(values.get(x))]);
  };

  const still = plot.firstElementChild;
  const live = plot.appendChild(element('div'));
  live.style.height = height - option.grid.top + 16 + 'px';
  const chart = echarts.init(live, null, { renderer: 'svg' });
  const tick = (axis) => (axis.data ? axis : { ...axis, axisLabel: { ...axis.axisLabel, formatter: formatNumber } });
  chart.setOption({
    ...option,
    title: undefined,
    legend: { show: false },
    grid: { ...option.grid, left: 4, right: 12, top: 16 },
    xAxis: tick(option.xAxis),
    yAxis: tick(option.yAxis),
    tooltip: {
      trigger: 'axis',
      confine: true,
      className: 'tip',
      backgroundColor: 'var(--paper)',
      borderColor: 'var(--line)',
      textStyle: { color: 'var(--ink)' },
      axisPointer: { label: { show: false }, lineStyle: { color: option.textStyle.color, opacity: 0.5 } },
      formatter(items) {
        const x = items[0].value[0];
        const head = element('strong', xLabel + ' ' + nameOf(x));
        return [head, ...rowsAt(x).map(([name, value]) => {
          const row = element('div');
          row.append(swatchOf(name), element('span', name), element('span', value));
          return row;
        })];
      },
    },
  });
  still.remove();

  const select = (input) =>
    chart.dispatchAction({ type: input.checked ? 'legendSelect' : 'legendUnSelect', name: input.value });
  boxes.addEventListener('change', ({ target }) => select(target));
  if (inputs.length > 4) {
    for (const [text, checked] of [['all', true], ['none', false]]) {
      const button = boxes.appendChild(element('button', text, { type: 'button' }));
      button.addEventListener('click', () => {
        for (const input of inputs) {
          input.checked = checked;
          select(input);
        }
      });
    }
  }
  details.addEventListener('toggle', () => {
    if (details.open && !details.querySelector('table')) {
      details.append(valuesTable(find('h2').textContent, { xLabel, lines, xs, nameOf }));
    }
  });
  reading.hidden = boxes.hidden = details.hidden = false;

  let at = -1;
  const steps = { ArrowLeft: () => at - 1, ArrowRight: () => at + 1, Home: () => 0, End: () => xs.length - 1 };
  plot.tabIndex = 0;
  plot.setAttribute('aria-label', plot.getAttribute('aria-label') + '. Arrow keys read the values.');
  plot.addEventListener('keydown', (event) => {
    const step = steps[event.key];
    if (step && xs.length > 0) {
      event.preventDefault();
      at = Math.max(0, Math.min(xs.length - 1, step()));
      const x = chart.convertToPixel({ xAxisIndex: 0 }, xs[at]);
      chart.dispatchAction({ type: 'showTip', x, y: live.clientHeight / 3 });
      const values = rowsAt(xs[at]).map((row) => row.join(': '));
      reading.textContent = [xLabel + ' ' + nameOf(xs[at]), ...values].join('; ');
    } else if (event.key === 'Escape') chart.dispatchAction({ type: 'hideTip' });
  });
  plot.addEventListener('blur', () => chart.dispatchAction({ type: 'hideTip' }));
  new ResizeObserver(() => chart.resize()).observe(live);
  // The width of paper is known only while printing.
  addEventListener('beforeprint', () => chart.resize({ width: 640 }));
  addEventListener('afterprint', () => chart.resize({ width: 'auto' }));
}

for (const chart of charts) start(chart);
document.getElementById('hint').hidden = false;
`;
