// `npm run docs:errors`: writes the table of README's section "When something does not work" anew, from docs/errors.md: every code
// with its remedy. test/errors.test.ts holds docs/errors.md to the codes, and README to this.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, startIfMain } from './stage.mjs';

const marks = ['<!-- begin: npm run docs:errors -->', '<!-- end: npm run docs:errors -->'];

/** Returns the table: codes and remedies of docs/errors.md, in its order. */
export function errorTable() {
  const text = readFileSync(join(root, 'docs', 'errors.md'), 'utf8');
  const rows = [...text.matchAll(/^\| (`ERR_\w+`) \| .+? \| (.+) \|$/gm)].map(
    ([, code, remedy]) => `| ${code} | ${remedy} |`,
  );
  return ['| code | what to do |', '|---|---|', ...rows].join('\n');
}

/** Returns README's text with the table as it should be. */
export function readmeWithTable() {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  const [begin, end] = marks.map((mark) => text.indexOf(mark));
  return `${text.slice(0, begin)}${marks[0]}\n${errorTable()}\n${text.slice(end)}`;
}

await startIfMain(import.meta.url, () => {
  writeFileSync(join(root, 'README.md'), readmeWithTable());
  console.log('README.md: the table of error codes was written anew');
});
