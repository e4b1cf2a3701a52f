// Packages that only some scripts need: a folder of scripts/ has a package.json and a lock file for them.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { registryRemedy } from './npm-packages.mjs';
import { root, run } from './stage.mjs';

/**
 * Returns what a script needs of the packages in scripts/NAME.
 * @returns tool: makes the path of a file of these packages, e.g. of a program; areInstalled: says whether every package of the
 * lock file is there in its version; install: installs them
 */
export function toolsIn(name) {
  const here = join(root, 'scripts', name);
  const tool = (...path) => join(here, 'node_modules', ...path);

  function areInstalled() {
    const installed = tool('.package-lock.json');
    if (!existsSync(installed)) return false;
    const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
    const want = JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8')).packages;
    // Optional packages of other platforms are never installed.
    return Object.entries(want).every(
      ([path, { version, optional }]) => path === '' || optional || have[path]?.version === version,
    );
  }

  async function install() {
    if (areInstalled()) return 'already there';
    const args = ['ci', '--prefix', here, '--no-audit', '--no-fund', '--ignore-scripts'];
    await run(`tools of ${name}`, 'npm', args, { remedy: registryRemedy });
    return 'installed';
  }

  return { tool, areInstalled, install };
}
