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

/** Copies what `files` need, glibc excepted, and of that only sonames that match `only`. */
export function copyLibraries(files, { into, licences, only = /./ }) {
  const all = new Map(files.flatMap((file) => [...dependencies(file)]));
  for (const [soname, path] of [...all].filter(([name]) => only.test(name))) {
    if (path === undefined) throw new StageError(`${soname} is needed, and the loader does not find it here.`);
    cpSync(path, join(into, soname), { dereference: true });
    copyLicence(path, licences);
  }
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

/** The Debian package's copyright file, or the LICENSE beside an official Node.js archive. */
export function copyLicence(file, licences) {
  const real = realpathSync(file);
  const beside = join(dirname(dirname(real)), 'LICENSE');
  const owner = [real, real.replace(/^\/usr/, '')].map(debianPackage).find(Boolean);
  const source = owner ? `/usr/share/doc/${owner}/copyright` : beside;
  if (!existsSync(source)) throw new StageError(`The licence of ${real} was not found (looked for ${source}).`);
  mkdirSync(licences, { recursive: true });
  cpSync(source, join(licences, `${owner ?? basename(real)}.txt`), { dereference: true });
}

function debianPackage(path) {
  try {
    return execFileSync('dpkg', ['-S', path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(':')[0];
  } catch {
    return undefined;
  }
}
