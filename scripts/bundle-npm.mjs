// The npm packages that the compiled scripts require at run time, without what only other module systems, type checkers
// and debuggers read.
import { cpSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './stage.mjs';

// The one file of echarts that is used (lib/report/echarts.ts) holds what it needs of zrender and tslib.
const builtIn = new Set(['zrender', 'tslib']);
const keptOfEcharts =
  /^$|^(package\.json|LICENSE|NOTICE|licenses(\/.*)?|dist|dist\/(package\.json|echarts\.common\.min\.js))$/;
const never = /\.(map|mjs|mts|cts|ts|md)$|^(esm|types|typings|test)(\/|$)/;

export function copyNpmPackages(folder) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  for (const [path, entry] of Object.entries(packages)) {
    const name = path.replace(/^.*node_modules\//, '');
    if (path === '' || entry.dev || builtIn.has(name)) continue;
    const source = join(root, path);
    const kept = (file) => (name === 'echarts' ? keptOfEcharts.test(file) : !never.test(file));
    cpSync(source, join(folder, path), { recursive: true, filter: (file) => kept(relative(source, file)) });
  }
}
