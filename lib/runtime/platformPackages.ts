/**
 * The packages with the compiled parts for a platform, which npm installs beside this one. The file files.js of each (made by
 * scripts/pack/stage-packages.mjs) says its version and the paths of its files.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** File name of a compiled part of saturnn. */
export type CompiledPart = 'saturnn.node' | 'libsaturnn_cpu.so' | 'libsaturnn_cuda.so';

/** Exports of the file files.js of a platform package. */
export interface PackageFiles {
  /** Version of the package. */
  readonly version: string;
  /** Full path of each file, by name. */
  readonly files: Readonly<Record<string, string>>;
}

/** A package with compiled parts. */
export interface PlatformPackage {
  /** Name in the npm registry. */
  readonly name: string;
  /** Returns the package's exports, or the error that require() throws. */
  readonly load: () => unknown;
}

// Each require() has a literal name, so that programs that collect files (@vercel/nft, Next.js) follow it, and stands in a try
// block of its own, so that bundlers accept that the package is not installed.
const common: PlatformPackage = {
  name: '@saturnn/linux-x64',
  load: () => {
    try {
      return require('@saturnn/linux-x64');
    } catch (error) {
      return error;
    }
  },
};

/** A package of its own, so that users without a GPU can leave it out. */
const cuda: PlatformPackage = {
  name: '@saturnn/linux-x64-cuda',
  load: () => {
    try {
      return require('@saturnn/linux-x64-cuda');
    } catch (error) {
      return error;
    }
  },
};

/** The package that contains each part. */
export const packageOf: Readonly<Record<CompiledPart, PlatformPackage>> = {
  'saturnn.node': common,
  'libsaturnn_cpu.so': common,
  'libsaturnn_cuda.so': cuda,
};

/** The reason, in a few words, why a package has no exports. */
interface Absent {
  readonly absent: string;
}

/**
 * Returns the exports of a package. A bundler may have put files.js, and not the libraries, into the program: then the package
 * is looked for as Node.js does it, from the folder `from`.
 */
export function filesOf(platformPackage: PlatformPackage, from: string): PackageFiles | Absent {
  const { name, load } = platformPackage;
  const known = checked(name, load());
  if ('files' in known && Object.values(known.files).some((path) => existsSync(unpackedPath(path)))) return known;
  const installed = checked(name, loadFrom(name, from));
  return 'files' in installed ? installed : known;
}

function loadFrom(name: string, from: string): unknown {
  try {
    return createRequire(join(from, 'program.js'))(name);
  } catch (error) {
    return error;
  }
}

function checked(name: string, exports: unknown): PackageFiles | Absent {
  const found = exports as (Partial<PackageFiles> & Partial<NodeJS.ErrnoException>) | undefined;
  if (typeof found?.version === 'string' && typeof found.files === 'object') return found as PackageFiles;
  const [first = ''] = (found?.message ?? 'it has another content').split('\n');
  const isAbsent = found?.code === 'MODULE_NOT_FOUND' && first.includes(`'${name}'`);
  return { absent: isAbsent ? 'not installed' : `does not load: ${first}` };
}

/**
 * Returns the path at which the operating system finds a file. Electron's archive (app.asar) looks like a folder to JavaScript
 * only; what `asarUnpack` leaves out of it lies in a folder beside it, app.asar.unpacked.
 */
export function unpackedPath(path: string): string {
  const unpacked = path.replace(/\.asar(?=[\\/])/, '.asar.unpacked');
  return existsSync(unpacked) ? unpacked : path;
}

/** Whether a path leads into an archive of Electron's. */
export const isInArchive = (path: string): boolean => /\.asar[\\/]/.test(path);
