// Runs `npm ci`, unless node_modules already holds what package-lock.json asks for.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './stage.mjs';

/** Remedy for commands that fail without the npm registry. */
export const registryRemedy = 'check the connection to the npm registry (npm ping), then start again';

const readPackages = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;
const lockFile = join(root, 'package-lock.json');

/**
 * Lists the packages that saturnn needs at run time, from package-lock.json. Optional ones are left out: saturnn has none of its own,
 * and those of a dependency (valibot names TypeScript, for its types) are not needed.
 * @returns for each its path (node_modules/NAME), name and version
 */
export const runtimePackages = () =>
  Object.entries(readPackages(lockFile))
    .filter(([path, { dev, devOptional, optional }]) => path !== '' && !dev && !devOptional && !optional)
    .map(([path, { version }]) => ({ path, name: path.replace(/^.*node_modules\//, ''), version }));

/**
 * Whether node_modules holds every package of package-lock.json in the right version, according to the lock file that npm
 * writes into node_modules. Optional packages are not compared, because those of other platforms are never installed.
 */
function upToDate() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const have = readPackages(installed);
  const want = Object.entries(readPackages(lockFile));
  return want.every(([path, entry]) => path === '' || entry.optional || have[path]?.version === entry.version);
}

export async function npmPackages() {
  if (upToDate()) return 'already there';
  await run('npm packages', 'npm', ['ci', '--no-audit', '--no-fund'], {
    remedy: registryRemedy,
  });
  return 'installed';
}
