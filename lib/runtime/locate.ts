/**
 * Finds the compiled parts of the package (saturnn.node, the backends), wherever this file runs: in lib/ under vitest, in
 * dist/ of the published package, in dist-bundle/lib/ of the offline bundle, or in a user's bundle. It looks in this order:
 *
 * 1. the folder that SATURNN_BINARY names; if that is set, nowhere else;
 * 2. out/ of this package, which `npm run build:native` and `npx saturnn build` fill;
 * 3. the package for this platform, which npm installs beside this one, and whose version must be equal
 *    (platformPackages.ts).
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SaturnnError } from '../errors';
import { version } from '../version';
import { thisSystem, whyUnsupported } from './platform';
import { type CompiledPart, filesOf, isInArchive, packageOf, unpackedPath } from './platformPackages';

export type { CompiledPart } from './platformPackages';

/** Folder of this file. Where a bundler has made an ES module, which has no __dirname: that of the program. */
const here = typeof __dirname === 'string' ? __dirname : dirname(resolve(process.argv[1] ?? 'program'));

/** Returns the folder of the nearest package.json above this file. @throws ERR_PACKAGE if there is none */
export function packageRoot(): string {
  const folder = nearestPackage();
  if (folder === undefined)
    throw new SaturnnError('ERR_PACKAGE', `No package.json above ${here}: the package is incomplete`);
  return folder;
}

function nearestPackage(): string | undefined {
  for (let folder = here; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Returns the folder of a local build, out/ of this package; undefined if this file was bundled into another package. */
function localBuildFolder(): string | undefined {
  const root = nearestPackage();
  return root !== undefined && nameOf(join(root, 'package.json')) === 'saturnn' ? join(root, 'out') : undefined;
}

const nameOf = (manifest: string): unknown => JSON.parse(readFileSync(manifest, 'utf8')).name;

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
  const tried = binaryFolders().map((folder) => unpackedPath(join(folder, part)));
  const found = tried.find((path) => existsSync(path));
  if (found !== undefined) return found;
  if (process.env.SATURNN_BINARY) throw notFound(part, tried, 'SATURNN_BINARY must name the folder that holds it');
  return pathInPackage(part, tried);
}

function pathInPackage(part: CompiledPart, tried: readonly string[]): string {
  const { name } = packageOf[part];
  const theirs = filesOf(packageOf[part], here);
  if ('absent' in theirs) {
    const unsupported = whyUnsupported(thisSystem());
    if (unsupported !== undefined) throw new SaturnnError('ERR_UNSUPPORTED_PLATFORM', `${unsupported}.`);
    const remedy = localBuildFolder() === undefined ? remedyForBundle(name) : remedyWithoutPackage;
    throw notFound(part, [...tried, `the package ${name} (${theirs.absent})`], remedy);
  }
  const path = unpackedPath(theirs.files[part] ?? part);
  if (theirs.version !== version) {
    throw new SaturnnError(
      'ERR_BINARY_VERSION',
      `saturnn ${version} needs ${name} ${version}, but ${dirname(path)} is ${theirs.version}. ` +
        `Remedy: \`npm install saturnn@${version}\`, which installs both; if it stays, remove that folder first.`,
    );
  }
  // An archive of Electron's seems to contain the file, but the operating system cannot open it there.
  if (!existsSync(path) || isInArchive(path)) throw notFound(part, [...tried, path], remedyForPath(name, path));
  return path;
}

const remedyWithoutPackage =
  '`npm install --include=optional saturnn`; where node_modules or a lock file comes from another system, remove both and ' +
  'install again; or `npx saturnn build`; or set SATURNN_BINARY to the folder that holds it';

const remedyForBundle = (name: string) =>
  `saturnn was bundled into this program. Leave saturnn and @saturnn/* external, and install them where the program runs; ` +
  `or copy the files of ${name} beside the bundle and set SATURNN_BINARY to that folder`;

function remedyForPath(name: string, path: string): string {
  if (isInArchive(path)) return "leave '**/node_modules/@saturnn/**' out of the archive (asarUnpack)";
  if (localBuildFolder() === undefined) return remedyForBundle(name);
  return `remove ${dirname(path)} and run \`npm install\``;
}

function notFound(part: CompiledPart, tried: readonly string[], remedy: string): SaturnnError {
  return new SaturnnError(
    'ERR_BINARY_NOT_FOUND',
    `${part} was not found. Tried: ${tried.join(', ')}. Remedy: ${remedy}.`,
  );
}
