/** A program whose node_modules has no ECharts. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const program = `
  const Module = require('node:module');
  const { _resolveFilename: resolve } = Module;
  Module._resolveFilename = function (name, ...rest) {
    if (name.startsWith('echarts')) throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
    return resolve.call(this, name, ...rest);
  };
  const { chartSvg, writeReport } = require(process.argv[1]);
  const series = [{ name: 'a', points: [[0, 1], [1, 2]] }];
  const chart = { id: 'c', title: 'c', x: { label: 'x' }, y: { label: 'y' }, series };
  for (const draw of [() => chartSvg(chart), () => writeReport('/nowhere', { title: 't', lead: '', tables: [], settings: {}, charts: [chart] })])
    try { draw(); } catch ({ code, message }) { console.log(code, message); }
`;

test('a chart and a report without ECharts: ERR_PACKAGE with what to install', () => {
  const dist = join(__dirname, '..', '..', 'dist');
  const lines = execFileSync(process.execPath, ['-e', program, dist], { encoding: 'utf8' }).trim().split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toMatch(/^ERR_PACKAGE A report needs the file echarts.*`npm install echarts`/);
});
