// Finds the oldest C and C++ libraries that a file can be loaded with: the newest version among the symbols that it imports.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { root, StageError } from '../stage.mjs';

const byNumbers = (a, b) => {
  const [x, y] = [a, b].map((text) => text.split('.').map(Number));
  const i = [0, 1, 2].find((part) => (x[part] ?? 0) !== (y[part] ?? 0));
  return i === undefined ? 0 : (x[i] ?? 0) - (y[i] ?? 0);
};

/** Returns the oldest versions that a file can be loaded with, by prefix: { GLIBC: "2.34", GLIBCXX: "3.4.29", ... }. */
export function floorsOf(file) {
  const text = execFileSync('readelf', ['--version-info', '--wide', file], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  const floors = {};
  // Packed relative relocations (DT_RELR) carry no symbol version; loaders support them since glibc 2.36.
  if (text.includes('GLIBC_ABI_DT_RELR')) floors.GLIBC = '2.36';
  for (const [, library, version] of text.matchAll(/\b(GLIBC|GLIBCXX|CXXABI|GCC)_(\d[\d.]*)/g)) {
    if (!(library in floors) || byNumbers(version, floors[library]) > 0) floors[library] = version;
  }
  return floors;
}

/** Oldest versions that published files must run with: glibc as lib/runtime/platform.ts says, libstdc++ of GCC 11. RHEL 9 has both. */
export function promisedFloors() {
  const { oldestGlibc } = createRequire(import.meta.url)(`${root}/dist/runtime/platform.js`);
  return { GLIBC: oldestGlibc, GLIBCXX: '3.4.29', CXXABI: '1.3.13' };
}

/** Checks that files run with the promised versions. @throws StageError that names every file that needs a newer library */
export function checkFloors(files, promised = promisedFloors()) {
  const wrong = files.flatMap((file) =>
    Object.entries(floorsOf(file))
      .filter(([library, version]) => library in promised && byNumbers(version, promised[library]) > 0)
      .map(([library, version]) => `${basename(file)} needs ${library} ${version}; promised is ${promised[library]}`),
  );
  if (wrong.length > 0) throw new StageError(wrong.join('\n'));
}
