// Copies the shared libraries that our files need and that are shipped with them, and the licence of each.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { StageError } from './stage.mjs';

// Libraries of the host that are never shipped: glibc's, and linux-vdso, which the kernel provides.
const ofHost = /^(linux-vdso|ld-linux-x86-64|libc|libm|libdl|librt|libpthread)\.so/;

/**
 * Maps the soname of each library that `file` needs, glibc's excepted, to the path that the loader finds (undefined if
 * none).
 */
function dependencies(file) {
  const lines = execFileSync('ldd', [file], { encoding: 'utf8', env: { PATH: process.env.PATH } })
    .trim()
    .split('\n');
  const found = new Map();
  for (const line of lines) {
    const [, soname, path] = line.trim().match(/^(\S+) => (\/\S+|not found)/) ?? [];
    if (soname && !ofHost.test(soname)) found.set(soname, path === 'not found' ? undefined : path);
  }
  return found;
}

/**
 * Copies the libraries that `files` need, glibc's excepted, into the folder `into`.
 * @param only sonames of the libraries to copy; all if undefined
 * @returns soname and original path of each copied library
 * @throws StageError if the loader does not find a library
 */
export function copyLibraries(files, into, only) {
  const all = [...new Map(files.flatMap((file) => [...dependencies(file)]))];
  return all
    .filter(([soname]) => only === undefined || only.includes(soname))
    .map(([soname, path]) => {
      if (path === undefined) throw new StageError(`The loader does not find ${soname}, which is needed.`);
      cpSync(path, join(into, soname), { dereference: true });
      return { soname, path };
    });
}

/** Checks that the loader takes every library that `files` need from out/ of the bundle. @throws StageError if it does not */
export function checkLibraries(files, folder) {
  for (const file of files) {
    for (const [soname, path] of dependencies(file)) {
      if (path === undefined || dirname(realpathSync(path)) !== realpathSync(join(folder, 'out'))) {
        throw new StageError(`${basename(file)} would load ${soname} from ${path ?? 'nowhere'}, not from the bundle.`);
      }
    }
  }
}

/** Name of the Debian package that a file belongs to; undefined if it belongs to none. */
export function ownerOf(file) {
  const real = realpathSync(file);
  return [real, real.replace(/^\/usr/, '')].map(debianPackage).find(Boolean);
}

function debianPackage(path) {
  try {
    return execFileSync('dpkg', ['-S', path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(':')[0];
  } catch {
    return undefined;
  }
}

/** Path of the licence texts of a Debian package. */
export const licenceFile = (owner) => `/usr/share/doc/${owner}/copyright`;

/** Returns name and version of the source package that a Debian package was built from. */
export function debianSource(owner) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills it in
  const format = '${source:Package} ${source:Version}';
  const [name, version] = execFileSync('dpkg-query', ['-W', '-f', format, owner], { encoding: 'utf8' }).split(' ');
  return { name, version };
}

/**
 * Copies the licence of `file` into the folder `licences`: the copyright file of its Debian package or, for a program of an
 * official Node.js archive, the archive's LICENSE.
 * @throws StageError if there is neither
 */
export function copyLicence(file, licences) {
  const real = realpathSync(file);
  const owner = ownerOf(file);
  const source = owner ? licenceFile(owner) : join(dirname(dirname(real)), 'LICENSE');
  if (!existsSync(source)) throw new StageError(`The licence of ${real} was not found (looked for ${source}).`);
  mkdirSync(licences, { recursive: true });
  cpSync(source, join(licences, `${owner ?? basename(real)}.txt`), { dereference: true });
}
