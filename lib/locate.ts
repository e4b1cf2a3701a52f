/**
 * Finds the compiled parts of the package (saturnn.node, the backends) from wherever this file runs: lib/ under vitest,
 * dist/ in the published package, dist-bundle/lib/ in the bundle.
 */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SaturnnError } from './errors';

/** The folder of our package.json. */
export function packageRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new SaturnnError('ERR_PACKAGE', `No package.json above ${__dirname}: the package is incomplete`);
    folder = parent;
  }
  return folder;
}

/** Folders that may hold the compiled parts, in the order in which they are tried. */
export function binaryFolders(): string[] {
  const chosen = process.env.SATURNN_BINARY;
  return chosen ? [resolve(chosen)] : [join(packageRoot(), 'out')];
}

/** The full path of one compiled part, or an error that lists every path tried and the remedy. */
export function binaryPath(file: string): string {
  const tried = binaryFolders().map((folder) => join(folder, file));
  const found = tried.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const remedy = process.env.SATURNN_BINARY
    ? 'SATURNN_BINARY must name the folder that holds it'
    : 'build it with `npm run build:native`, or set SATURNN_BINARY to the folder that holds it';
  throw new SaturnnError(
    'ERR_BINARY_NOT_FOUND',
    `${file} was not found. Tried: ${tried.join(', ')}. Remedy: ${remedy}.`,
  );
}
