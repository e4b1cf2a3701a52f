/** The table of error codes against the codes that are used, and against the documents that explain them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCodes, SaturnnError } from '../lib/errors';

const root = join(__dirname, '..');
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');
const table = Object.keys(errorCodes).sort();

/** Codes of Node's own, which lib recognises and turns into ours. */
const codesOfNode = new Set(['ERR_ACCESS_DENIED', 'ERR_DLOPEN_DISABLED']);

/** The sources of a folder, without the table itself. */
function sourcesOf(folder: string): { path: string; text: string }[] {
  const files = readdirSync(join(root, folder), { recursive: true }).map(String);
  const sources = files.filter((file) => /\.(ts|mts|cc|cu|h|cuh|def)$/.test(file) && file !== 'errors.ts');
  return sources.map((file) => ({ path: join(folder, file), text: read(folder, file) }));
}

const sources = [...sourcesOf('lib'), ...sourcesOf('native')];
const unique = (codes: readonly string[]): string[] => [...new Set(codes)].filter((c) => !codesOfNode.has(c)).sort();

describe('the table of error codes', () => {
  it('has exactly the codes that lib and native have in quotes', () => {
    const quoted = sources.flatMap(({ text }) =>
      [...text.matchAll(/["'](ERR_[A-Z0-9_]+)["']/g)].map(([, code]) => code!),
    );
    expect(unique(quoted)).toEqual(table);
  });

  it('has every code that a comment names ("ERR_CUDNN_..." stands for several)', () => {
    for (const { path, text } of sources) {
      const named = [...text.matchAll(/\bERR_[A-Z0-9_]+/g)].map(([code]) => code).filter((code) => !code.endsWith('_'));
      expect(table, path).toEqual(expect.arrayContaining(unique(named)));
    }
  });

  it('is what docs/errors.md lists, with the same meaning, and a remedy for each', () => {
    const rows = [...read('docs', 'errors.md').matchAll(/^\| `(ERR_\w+)` \| (.+?) \| (.+) \|$/gm)];
    expect(rows.map(([, code]) => code).sort()).toEqual(table);
    expect(Object.fromEntries(rows.map(([, code, meaning]) => [code, meaning]))).toEqual(errorCodes);
  });

  it('is in README with the same remedies, as `npm run docs:errors` writes it', async () => {
    const { readmeWithTable } = await import(join(root, 'scripts/error-table.mjs'));
    const readme = read('README.md');
    expect(readme).toBe(readmeWithTable());
    for (const code of table) expect(readme).toContain(`| \`${code}\` |`);
  });

  it('has every code that README and docs name', () => {
    const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => join('docs', name))];
    for (const path of documents.filter((name) => name.endsWith('.md')))
      expect(table, path).toEqual(
        expect.arrayContaining(unique(read(path).match(/\bERR_[A-Z0-9_]+[A-Z0-9]\b/g) ?? [])),
      );
  });

  it('has one plain sentence for each', () => {
    for (const meaning of Object.values(errorCodes)) expect(meaning).toMatch(/^[A-Zc][^\n]{10,140}\.$/);
  });
});

describe('SaturnnError.from', () => {
  const native = (code: string) => Object.assign(new Error('it failed'), { code });

  it('keeps code and message of a native error', () => {
    const error = native('ERR_CUDNN');
    expect(SaturnnError.from(error)).toEqual(
      expect.objectContaining({ code: 'ERR_CUDNN', message: 'it failed', cause: error }),
    );
    expect(SaturnnError.from(error)).toBeInstanceOf(SaturnnError);
  });

  it('makes ERR_INTERNAL of a code that is not in the table, and names it', () => {
    const made = SaturnnError.from(native('ERR_FROM_A_NEWER_BACKEND'));
    expect(made).toEqual(
      expect.objectContaining({ code: 'ERR_INTERNAL', message: 'it failed (ERR_FROM_A_NEWER_BACKEND)' }),
    );
  });

  it.each([native('ENOENT'), new Error('no code'), 'a string'])('leaves anything else as it is: %s', (error) => {
    expect(SaturnnError.from(error)).toBe(error);
  });
});
