// Makes the package.json of each published package from the repository's, without scripts and development dependencies.
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
  'peerDependencies',
  'peerDependenciesMeta',
];

/** Names of the platform packages, with their descriptions. */
export const platformPackages = {
  '@saturnn/linux-x64':
    'The native parts of saturnn for Linux x64: its addon and its CPU backend, with oneDNN beside it',
  '@saturnn/linux-x64-cuda':
    "saturnn's CUDA backend for Linux x64; NVIDIA's driver, cuDNN and cuBLASLt are the user's own",
};

const commonOf = ({ version, repository, engines }) => ({ version, ...(repository && { repository }), engines });

/**
 * Returns the manifest of the package saturnn. It depends on exactly its own version of the platform packages; they are
 * optional, because npm does not install them on other platforms.
 */
export function mainManifest() {
  const manifest = Object.fromEntries(kept.filter((key) => key in own).map((key) => [key, own[key]]));
  const optionalDependencies = Object.fromEntries(Object.keys(platformPackages).map((name) => [name, own.version]));
  // `saturnn build` lets CMake read the sources, so a package manager that keeps packages in archives must unpack this one.
  return { ...manifest, preferUnplugged: true, optionalDependencies };
}

/** package.json of the folder saturnn/experiments, for resolvers that ignore `exports` (TypeScript's "node10"). */
export const experimentsManifest = {
  main: '../dist/experiments/index.js',
  types: '../dist/experiments/index.d.ts',
};

/** Returns the manifest of a platform package. @param licences SPDX expressions of all that it holds */
export function platformManifest(name, licences) {
  return {
    name,
    description: platformPackages[name],
    ...commonOf(own),
    license: licences.join(' AND '),
    os: ['linux'],
    cpu: ['x64'],
    libc: ['glibc'],
    main: 'files.js',
    // Libraries are opened by their paths, so a package manager that keeps packages in archives must unpack this one.
    preferUnplugged: true,
  };
}
