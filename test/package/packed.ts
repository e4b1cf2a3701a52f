/** The published packages, as folders and archives: those that CI has made, or made here from the libraries in out/. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../lib/runtime/locate';

export interface Packed {
  /** Returns the folder of a package: saturnn, @saturnn/linux-x64 or @saturnn/linux-x64-cuda. */
  folder(name: string): string;
  /** Paths of the three archives. */
  readonly archives: readonly string[];
}

/** Whether tests that need the packages must run (in CI); elsewhere they are skipped if the packages cannot be made. */
export const isRequired = process.env.SATURNN_INSTALL === 'required';

/** Returns why the packages cannot be made on this host; undefined if they can. */
export function whyNotPacked(): string | undefined {
  if (existsSync(join(packageRoot(), 'out/libsaturnn_cuda.so'))) return undefined;
  return 'out/ has no CUDA backend, which is one of the packages';
}

/**
 * Makes the packages, or takes those in out/packages if SATURNN_PACKED is 1. Packing takes 15 s, so the test files of a run, two
 * of which may be running, make them once.
 */
export function packedPackages(): Packed {
  const root = join(packageRoot(), 'out/packages');
  if (process.env.SATURNN_PACKED !== '1') {
    const script = join(packageRoot(), 'scripts/pack/pack-all.mjs');
    const lock = join(packageRoot(), 'out/packages.lock');
    // The lock file holds the run that has made the packages: the number of vitest's process, the parent of every test file.
    const once = 'grep -qx "$1" "$0" || { "$2" "$3" --built && echo "$1" > "$0"; }';
    const run = ['bash', '-c', once, lock, String(process.ppid), process.execPath, script];
    execFileSync('flock', [lock, ...run], { stdio: 'pipe' });
  }
  const archives = readdirSync(root).filter((name) => name.endsWith('.tgz'));
  return { folder: (name) => join(root, name), archives: archives.map((name) => join(root, name)) };
}

/** Links what saturnn depends on into an app's node_modules. */
export function linkDependencies(app: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(app, 'node_modules/saturnn/package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) {
    const link = join(app, 'node_modules', name);
    // The folder of a scope: "@bufbuild" of "@bufbuild/protobuf".
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(packageRoot(), 'node_modules', name), link);
  }
}

/** Makes a folder in which copies of the three packages are installed, with links to their dependencies. @returns its path */
export function installPackages(packed: Packed, app: string): string {
  mkdirSync(join(app, 'node_modules/@saturnn'), { recursive: true });
  for (const name of ['saturnn', '@saturnn/linux-x64', '@saturnn/linux-x64-cuda'])
    cpSync(packed.folder(name), join(app, 'node_modules', name), { recursive: true });
  linkDependencies(app);
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true }));
  return app;
}
