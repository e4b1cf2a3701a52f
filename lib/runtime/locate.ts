/**
 * Finds the compiled parts of the package (saturnn.node, the backends), wherever this file runs: in lib/ under vitest, in
 * dist/ of the published package, in dist-bundle/lib/ of the offline bundle, or in a user's bundle. It looks in this order:
 *
 * 1. the folder that SATURNN_BINARY names; if that is set, nowhere else;
 * 2. out/ of this package, which `npm run build:native` and `npx saturnn build` fill;
 * 3. the package for this platform, which npm installs beside this one, and whose version must be equal.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SaturnnError } from '../errors';
import { version } from '../version';
import { thisSystem, whyUnsupported } from './platform';

/** File name of a compiled part of the package. */
export type CompiledPart = 'saturnn.node' | 'libsaturnn_cpu.so' | 'libsaturnn_cuda.so';

interface PlatformPackage {
  /** Name in the npm registry. */
  readonly name: string;
  /**
   * Returns the path of its package.json. Each is a require.resolve() of a literal, so that bundlers can leave it to run
   * time.
   */
  readonly manifest: () => string;
}

const common: PlatformPackage = {
  name: '@saturnn/linux-x64',
  manifest: () => require.resolve('@saturnn/linux-x64/package.json'),
};

/** A package of its own, so that users without a GPU can leave it out. */
const cuda: PlatformPackage = {
  name: '@saturnn/linux-x64-cuda',
  manifest: () => require.resolve('@saturnn/linux-x64-cuda/package.json'),
};

const packages: Readonly<Record<CompiledPart, PlatformPackage>> = {
  'saturnn.node': common,
  'libsaturnn_cpu.so': common,
  'libsaturnn_cuda.so': cuda,
};

/** Returns the folder of the nearest package.json above this file. @throws ERR_PACKAGE if there is none */
export function packageRoot(): string {
  const folder = nearestPackage();
  if (folder === undefined)
    throw new SaturnnError('ERR_PACKAGE', `No package.json above ${__dirname}: the package is incomplete`);
  return folder;
}

function nearestPackage(): string | undefined {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Returns the folder of a local build, out/ of this package; undefined if this file was bundled into another package. */
function localBuildFolder(): string | undefined {
  const root = nearestPackage();
  return root !== undefined && manifestOf(join(root, 'package.json')).name === 'saturnn'
    ? join(root, 'out')
    : undefined;
}

const manifestOf = (file: string): { name?: string; version?: string } => JSON.parse(readFileSync(file, 'utf8'));

/** Returns the folders that are searched before the platform's package, in order. */
export function binaryFolders(): string[] {
  const chosen = process.env.SATURNN_BINARY;
  if (chosen) return [resolve(chosen)];
  return [localBuildFolder()].filter((folder) => folder !== undefined);
}

/**
 * Returns the full path of a compiled part.
 * @throws ERR_BINARY_NOT_FOUND with every path tried and a remedy; ERR_BINARY_VERSION if the platform's package has another
 * version; ERR_UNSUPPORTED_PLATFORM if there is no package for this system
 */
export function binaryPath(part: CompiledPart): string {
  const tried = binaryFolders().map((folder) => join(folder, part));
  const found = tried.find((path) => existsSync(path));
  if (found !== undefined) return found;
  if (process.env.SATURNN_BINARY) throw notFound(part, tried, 'SATURNN_BINARY must name the folder that holds it');

  const { name } = packages[part];
  const manifest = manifestPath(packages[part]);
  if (manifest === undefined) {
    const unsupported = whyUnsupported(thisSystem());
    if (unsupported !== undefined) throw new SaturnnError('ERR_UNSUPPORTED_PLATFORM', `${unsupported}.`);
    throw notFound(part, [...tried, `the package ${name} (not installed)`], remedyWithoutPackage);
  }
  const { version: theirs } = manifestOf(manifest);
  if (theirs !== version) {
    throw new SaturnnError(
      'ERR_BINARY_VERSION',
      `saturnn ${version} needs ${name} ${version}, but ${dirname(manifest)} is ${theirs}. ` +
        `Remedy: \`npm install saturnn@${version}\`, which installs both; if it stays, remove that folder first.`,
    );
  }
  const path = join(dirname(manifest), part);
  if (!existsSync(path)) throw notFound(part, [...tried, path], `remove ${dirname(manifest)} and run \`npm install\``);
  return path;
}

const remedyWithoutPackage =
  '`npm install --include=optional saturnn`; where node_modules or a lock file comes from another system, remove both and ' +
  'install again; or `npx saturnn build`; or set SATURNN_BINARY to the folder that holds it';

function notFound(part: CompiledPart, tried: readonly string[], remedy: string): SaturnnError {
  return new SaturnnError(
    'ERR_BINARY_NOT_FOUND',
    `${part} was not found. Tried: ${tried.join(', ')}. Remedy: ${remedy}.`,
  );
}

function manifestPath({ manifest }: PlatformPackage): string | undefined {
  try {
    return manifest();
  } catch {
    return undefined;
  }
}
