import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chartSvg, chartsSvg } from '../../lib/report/chart';
import { file } from '../../lib/report/echarts';
import { formatNumber } from '../../lib/report/number';
import { type Chart, chartOption } from '../../lib/report/option';
import { reportHtml } from '../../lib/report/page';
import { colours, look, schemes } from '../../lib/report/palette';
import { writeReport } from '../../lib/report/write';
import { packageRoot } from '../../lib/runtime/locate';
import { temporaryFolder } from '../temporary';
import { fakePage, layers } from './fake';

const chart: Chart = { ...fakePage.charts[0]!, title: 'a </script><b>' };
const lines = (one: Chart) => chartOption(one).option.series.filter(({ id }) => id.startsWith('line'));
const drawn = (svg: string) => svg.match(/<path [^>]*fill="none"[^>]*stroke="#[^>]*stroke-width="2"/g) ?? [];

describe('charts', () => {
  test('are files that depend on the chart only, and on nothing else', () => {
    const svg = chartSvg(chart);
    expect(chartSvg(chart)).toBe(svg);
    expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 900 \d+" role="img"/);
    expect(svg).toContain('a &lt;/script&gt;&lt;b&gt;');
    expect(svg).not.toContain('#010203');
    expect(svg.replaceAll(/xmlns(:xlink)?="[^"]*"/g, '')).not.toMatch(/https?:|url\((?!#)/);
    expect(drawn(svg)).toHaveLength(chart.series.length);
  });

  test('lie below each other in one file', () => {
    const both = chartsSvg([chart, layers]);
    const heights = [chart, layers].map((one) => chartOption(one).height);
    expect(both).toContain(`height="${heights[0]! + heights[1]!}"`);
    expect([...both.matchAll(/<svg y="(\d+)"/g)].map(([, y]) => Number(y))).toEqual([0, heights[0]]);
  });

  test('have gaps where a value cannot be shown', () => {
    const series = [{ name: 'a', points: [0, -1, Number.NaN, 1e-300, 1e-9, 2].map((y, x) => [x, y] as const) }];
    const values = (log: boolean) =>
      lines({ ...chart, y: { label: 'y', log }, series }).map(({ data }) => data.map((point) => point[1]));
    expect(values(false)).toEqual([[0, -1, null, 1e-300, 1e-9, 2]]);
    expect(values(true)).toEqual([[null, null, null, null, 1e-9, 2]]);
  });

  test('are drawn of one point, and of none', () => {
    for (const points of [[[1, 2]], [[1, Number.NaN]], []] as [number, number][][]) {
      for (const log of [false, true]) {
        const svg = chartSvg({ ...chart, y: { label: 'y', log }, series: [{ name: 'a', points }] });
        expect(svg).not.toMatch(/NaN|Infinity/);
      }
    }
    expect(chartSvg({ ...chart, series: [] })).toContain('</svg>');
  });

  test('are refused under a name that is no file name', () => {
    for (const id of ['', '../a', 'a b', '1']) {
      expect(() => chartSvg({ ...chart, id })).toThrow(/Expected a letter.* for id of a chart but received/);
    }
  });
});

test('series are told apart on white and black, by colour and mark', () => {
  const looks = Array.from({ length: 14 }, (_, index) => look(index));
  expect(new Set(looks.map(({ colour, mark }) => `${colour} ${mark}`)).size).toBe(14);
  const luminance = (colour: string) => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  for (const colour of colours) {
    expect(1.05 / (luminance(colour) + 0.05)).toBeGreaterThan(3);
    expect((luminance(colour) + 0.05) / (luminance(schemes.dark.paper) + 0.05)).toBeGreaterThan(3);
  }
});

test('numbers have four digits', () => {
  const written = [0, 1, -0.12345, 12.345678, 123456, 1e6, 1.5e-12, 2e-4, -1e-30, Number.NaN].map(formatNumber);
  expect(written).toEqual(['0', '1', '-0.1235', '12.35', '123456', '1e6', '1.5e-12', '2e-4', '-1e-30', '–']);
});

describe('pages', () => {
  test('hold everything, escaped, and allow nothing to be loaded', () => {
    const { charts } = fakePage;
    const html = reportHtml({ ...fakePage, charts: [chart, ...charts.slice(1)] });
    const scripts = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, source]) => source ?? '');
    expect(scripts.map((source) => source.length > 100_000)).toEqual([true, false]);
    for (const source of scripts) expect(() => new Function(source)).not.toThrow();
    const page = scripts.reduce((text, source) => text.replace(source, () => ''), html);
    expect(page).toContain("content=\"default-src 'none';");
    expect(page).toContain('Table 1 &amp; its &lt;figures&gt;');
    expect(page).toContain('a &lt;/script&gt;&lt;b&gt;');
    expect(page).toContain('<caption>training</caption>');
    expect(page).not.toMatch(
      /<b>|sourceMappingURL|@import|url\((?!#)|<(script|link|img|iframe)[^>]*(src|href)=(?!"data:)/,
    );
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('are made by the offline bundle as well', async () => {
    const folder = temporaryFolder();
    const { copyNpmPackages } = await import(join(packageRoot(), 'scripts/bundle-npm.mjs'));
    copyNpmPackages(folder);
    const [kept, own] = [folder, packageRoot()].map((from) => createRequire(join(from, 'x.js')).resolve(file));
    expect(kept).toContain(folder);
    expect(readFileSync(kept!).equals(readFileSync(own!))).toBe(true);
  });

  test('need no charts, tables or settings', () => {
    const html = reportHtml({ title: 't', lead: '', tables: [], charts: [], settings: {} });
    expect(html).not.toMatch(/<script|<nav|<section/);
  });

  test('refuse charts of one name', () => {
    for (const ids of [
      ['a', 'a'],
      ['settings', 'b'],
    ]) {
      const charts = ids.map((id) => ({ ...chart, id }));
      expect(() => reportHtml({ ...fakePage, charts })).toThrow(/for the ids of charts but received/);
    }
  });

  test('are written with their figures', () => {
    const folder = join(temporaryFolder(), 'new');
    expect(() => writeReport(folder, { ...fakePage, charts: [{ ...chart, id: '../x' }] })).toThrow(/id of a chart/);
    expect(() => readdirSync(folder)).toThrow();
    const { report, figures } = writeReport(folder, fakePage);
    expect(readdirSync(folder)).toEqual(['figures', 'report.html']);
    expect(figures).toEqual(fakePage.charts.map(({ id }) => join(folder, 'figures', `${id}.svg`)));
    expect(readFileSync(figures[1]!, 'utf8')).toBe(chartSvg(fakePage.charts[1]!));
    expect(readFileSync(report, 'utf8')).toBe(reportHtml(fakePage));
  });
});
