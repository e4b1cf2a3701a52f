/** Where files lie: families of ops by the same name in every folder, and sizes at which folders and files are still read. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';

const root = packageRoot();
const filesOf = (folder: string) =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));

/** The files of lib/ops that are no family: tables, checks, the form of a row. */
const shared = ['activationRow.ts', 'activations.ts', 'index.ts', 'op.ts'];
const families = filesOf('lib/ops')
  .filter((file) => !shared.includes(file))
  .map((file) => file.replace('.ts', ''));

/** Beside the families: what they share, and cases of several families. */
const others: Readonly<Record<string, readonly string[]>> = {
  'test/cases': ['block.ts', 'fills.ts', 'problem.ts'],
  'test/reference': [
    ...[
      'expectation.ts',
      'index.ts',
      'interpret.ts',
      'lastDigits.ts',
      'philox.ts',
      'rounding.ts',
      'storage.ts',
      'values.ts',
    ],
    ...['cases.test.ts', 'gradient.test.ts', 'known.test.ts'],
  ],
  'test/ops': ['block.test.ts', 'narrow.test.ts', 'suite.ts', 'table.test.ts', 'threads.test.ts'],
};

test('lib/ops/index.ts has the ops of every family', () => {
  const index = readFileSync(join(root, 'lib/ops/index.ts'), 'utf8');
  expect(families.length).toBeGreaterThan(10);
  for (const family of families) expect(index).toContain(`...${family}Ops,`);
});

test.each(Object.entries(others))('%s has a file for every family, and no other', (folder, beside) => {
  const ending = folder === 'test/ops' ? '.test.ts' : '.ts';
  expect(filesOf(folder).sort()).toEqual([...families.map((family) => family + ending), ...beside].sort());
});

test('lib’s root has five files, no folder of lib more than 25, and no file more than 500 lines', () => {
  expect(filesOf('lib').sort()).toEqual(['errors.ts', 'index.mts', 'index.ts', 'random.ts', 'version.ts']);
  const entries = readdirSync(join(root, 'lib'), { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length > 501);
  const folders = new Map<string, number>();
  for (const file of files) folders.set(join(file, '..'), (folders.get(join(file, '..')) ?? 0) + 1);
  const full = [...folders].filter(([, count]) => count > 25).map(([folder]) => folder);
  expect([...long, ...full].map((path) => relative(root, path))).toEqual([]);
});
