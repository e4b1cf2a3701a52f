/** Compares docs/environment.md with the code: every variable that is read is documented, and every documented one is read. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';

const root = packageRoot();
const places = ['lib', 'native', 'scripts', 'cmake', 'test', 'bench', 'CMakeLists.txt', 'vitest.config.mts', '.ci'];
const self = 'test/package/environment.test.ts';

/** Patterns of code that reads a variable: process.env.X, a name in quotes (getenv), an option of CMake. */
const readers = [
  /\benv\.(SATURNN_[A-Z0-9_]+)/g,
  /(?<=['"])(SATURNN_[A-Z0-9_]+)(?=['"])/g,
  /\boption\((SATURNN_[A-Z0-9_]+)/g,
  /\bset\((SATURNN_[A-Z0-9_]+)[^)]*\bCACHE\b/g,
  /\bENV\{(SATURNN_[A-Z0-9_]+)\}/g,
];

function namesReadBy(text: string): string[] {
  return readers.flatMap((reader) => [...text.matchAll(reader)].map((match) => match[1] as string));
}

function namesReadByTheCode(): Map<string, string> {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...places], {
    cwd: root,
  });
  const found = new Map<string, string>();
  for (const file of String(listed).split('\n')) {
    if (file === '' || file === self || /\.(md|json|bin|gz|png|safetensors)$/.test(file)) continue;
    for (const name of namesReadBy(readFileSync(join(root, file), 'utf8'))) found.set(name, file);
  }
  return found;
}

const table = readFileSync(join(root, 'docs', 'environment.md'), 'utf8');
const documented = [...table.matchAll(/^\| `(SATURNN_[A-Z0-9_]+)` \|/gm)].map((match) => match[1] as string);

describe('the table of environment variables', () => {
  it('has every SATURNN_ variable that the code reads', () => {
    const missing = [...namesReadByTheCode()].filter(([name]) => !documented.includes(name));
    expect(missing.map(([name, file]) => `${name}, read in ${file}`)).toEqual([]);
  });

  it('has no variable that nothing reads, and none twice', () => {
    const read = namesReadByTheCode();
    expect(documented.filter((name) => !read.has(name))).toEqual([]);
    expect(new Set(documented).size).toBe(documented.length);
  });

  it('is held against every way to read one', () => {
    expect(namesReadBy(`process.env.${'SATURNN_A'} getenv("${'SATURNN_B'}") option(${'SATURNN_C'} "x" OFF)`)).toEqual([
      'SATURNN_A',
      'SATURNN_B',
      'SATURNN_C',
    ]);
    expect(namesReadBy('#define SATURNN_ABI_VERSION 7')).toEqual([]);
  });
});
