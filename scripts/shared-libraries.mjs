// What we pass on with our files: the shared libraries that they need, each with its licence.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { StageError } from './stage.mjs';

// glibc and the kernel's own page: these belong to the host.
const ofHost = /^(linux-vdso|ld-linux-x86-64|libc|libm|libdl|librt|libpthread)\.so/;

/** What the loader resolves for `file`: soname -> path (undefined: not found). */
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

/** Copies what `files` need, glibc excepted, and of that only what is in `only`, by soname. @returns what was copied */
export function copyLibraries(files, into, only) {
  const all = [...new Map(files.flatMap((file) => [...dependencies(file)]))];
  return all
    .filter(([soname]) => only === undefined || only.includes(soname))
    .map(([soname, path]) => {
      if (path === undefined) throw new StageError(`${soname} is needed, and the loader does not find it here.`);
      cpSync(path, join(into, soname), { dereference: true });
      return { soname, path };
    });
}

/** Every library that the copied files need must come from the bundle itself. */
export function checkLibraries(files, folder) {
  for (const file of files) {
    for (const [soname, path] of dependencies(file)) {
      if (path === undefined || dirname(realpathSync(path)) !== realpathSync(join(folder, 'out'))) {
        throw new StageError(`${basename(file)} would load ${soname} from ${path ?? 'nowhere'}, not from the bundle.`);
      }
    }
  }
}

/** The Debian package that a file is of. */
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

export const licenceFile = (owner) => `/usr/share/doc/${owner}/copyright`;

/** Name and version of the source package that a Debian package was built from. */
export function debianSource(owner) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills it in
  const format = '${source:Package} ${source:Version}';
  const [name, version] = execFileSync('dpkg-query', ['-W', '-f', format, owner], { encoding: 'utf8' }).split(' ');
  return { name, version };
}

/** The Debian package's copyright file, or the LICENSE beside an official Node.js archive. */
export function copyLicence(file, licences) {
  const real = realpathSync(file);
  const owner = ownerOf(file);
  const source = owner ? licenceFile(owner) : join(dirname(dirname(real)), 'LICENSE');
  if (!existsSync(source)) throw new StageError(`The licence of ${real} was not found (looked for ${source}).`);
  mkdirSync(licences, { recursive: true });
  cpSync(source, join(licences, `${owner ?? basename(real)}.txt`), { dereference: true });
}
