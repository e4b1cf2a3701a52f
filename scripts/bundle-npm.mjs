// Copies the npm packages that the compiled scripts require at run time. ES modules, type declarations and source maps are left
// out, because nothing in the bundle reads them.
import { cpSync } from 'node:fs';
import { join, relative } from 'node:path';
import { runtimePackages } from './npm-packages.mjs';
import { root } from './stage.mjs';

// Dependencies of echarts that need no copy: the one file of echarts that is used (lib/report/echarts.ts) contains them.
const builtIn = new Set(['zrender', 'tslib']);
const keptOfEcharts =
  /^$|^(package\.json|LICENSE|NOTICE|licenses(\/.*)?|dist|dist\/(package\.json|echarts\.common\.min\.js))$/;
const never = /\.(map|mjs|mts|cts|ts|md)$|^(esm|types|typings|test)(\/|$)/;

/** Copies the packages of package-lock.json that are not for development to the same paths below `folder`. */
export function copyNpmPackages(folder) {
  for (const { path, name } of runtimePackages()) {
    if (builtIn.has(name)) continue;
    const source = join(root, path);
    const kept = (file) => (name === 'echarts' ? keptOfEcharts.test(file) : !never.test(file));
    cpSync(source, join(folder, path), { recursive: true, filter: (file) => kept(relative(source, file)) });
  }
}
