// The packages beside this file: TypeDoc and dependency-cruiser, and the TypeScript that they read with (the one that compiles the
// package has no interface for them).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { registryRemedy } from '../npm-packages.mjs';
import { root, run } from '../stage.mjs';

const here = join(root, 'scripts', 'docs');

/** Path of a file of these packages, e.g. of a program. */
export const tool = (...path) => join(here, 'node_modules', ...path);

/** Whether every package of package-lock.json is installed in its version. */
export function areInstalled() {
  const installed = tool('.package-lock.json');
  if (!existsSync(installed)) return false;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const want = JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(([path, { version }]) => path === '' || have[path]?.version === version);
}

export async function install() {
  if (areInstalled()) return 'already there';
  await run('tools of docs', 'npm', ['ci', '--prefix', here, '--no-audit', '--no-fund'], {
    remedy: registryRemedy,
  });
  return 'installed';
}
