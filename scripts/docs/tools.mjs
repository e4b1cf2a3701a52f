// The packages beside this file: TypeDoc and dependency-cruiser, and the TypeScript that they read with (the one that compiles the
// package has no interface for them).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from '../stage.mjs';

const here = join(root, 'scripts', 'docs');

/** Where a program of these packages lies. */
export const tool = (...path) => join(here, 'node_modules', ...path);

/** Whether what package-lock.json asks for is there. */
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
    remedy: 'check the connection to the npm registry (npm ping), then start again',
  });
  return 'installed';
}
