// The package.json of each published package, made from the repository's: no scripts, nothing for development.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../stage.mjs';

const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const kept = [
  'name',
  'version',
  'description',
  'license',
  'keywords',
  'repository',
  'engines',
  'type',
  'main',
  'types',
  'exports',
  'bin',
  'dependencies',
];

/** What each platform's package is for; the first part of the name is the scope of all of them. */
export const platformPackages = {
  '@saturnn/linux-x64':
    'The native parts of saturnn for Linux x64: its addon and its CPU backend, with oneDNN beside it',
  '@saturnn/linux-x64-cuda':
    "saturnn's CUDA backend for Linux x64; NVIDIA's driver, cuDNN and cuBLASLt are the user's own",
};

const commonOf = ({ version, repository, engines }) => ({ version, ...(repository && { repository }), engines });

/** saturnn itself: the platform packages of this very version, which npm leaves out where they do not fit. */
export function mainManifest() {
  const manifest = Object.fromEntries(kept.filter((key) => key in own).map((key) => [key, own[key]]));
  const optionalDependencies = Object.fromEntries(Object.keys(platformPackages).map((name) => [name, own.version]));
  // CMake reads the sources (saturnn build): a package manager that keeps packages in archives must lay this one out.
  return { ...manifest, preferUnplugged: true, optionalDependencies };
}

/** For resolvers that do not know `exports` (TypeScript's "node10"): the folder that saturnn/experiments is to them. */
export const experimentsManifest = {
  main: '../dist/experiments/index.js',
  types: '../dist/experiments/index.d.ts',
};

/** `licences`: SPDX names of all that a package holds. */
export function platformManifest(name, licences) {
  return {
    name,
    description: platformPackages[name],
    ...commonOf(own),
    license: licences.join(' AND '),
    os: ['linux'],
    cpu: ['x64'],
    libc: ['glibc'],
    // Libraries are opened by their paths: a package manager that keeps packages in archives must lay this one out.
    preferUnplugged: true,
  };
}
