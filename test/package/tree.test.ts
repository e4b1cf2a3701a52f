/** Checks where files lie: each family of ops has one name in every folder, and folders and files stay small enough to read. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';

const root = packageRoot();
const filesOf = (folder: string) =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));

/** The files of lib/ops that are no family: tables, checks, the form of a row. */
const shared = [
  'activationRow.ts',
  'activations.ts',
  'index.ts',
  'nativeActivations.ts',
  'normalDistribution.ts',
  'op.ts',
];
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
      'memo.ts',
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

/** Native files are named in snake_case: randomizedRelu is randomized_relu. */
const nativeFamilies = families.map((family) => family.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));

/** cuDNN computes these families; their own kernels are those of other families. */
const withoutKernels = ['convolution', 'linear'];

/** Everything in these folders of native/ that is no family. */
const nativeOthers: Readonly<Record<string, readonly string[]>> = {
  cpu: ['backend', 'device', 'geometry', 'kernel', 'onednn', 'ops', 'simd', 'storage'],
  cuda: ['backend', 'cudnn', 'device', 'kernel', 'kernels', 'move', 'ops', 'tensor'],
  'cuda/kernels': ['common', 'latch'],
};

/** Returns the names of a folder's sources and subfolders, without endings. */
const namesIn = (folder: string): readonly string[] => [
  ...new Set(
    readdirSync(join(root, 'native', folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || /\.(cc|cuh?|h)$/.test(entry.name))
      .map(({ name }) => name.replace(/\.\w+$/, '')),
  ),
];

test.each(Object.entries(nativeOthers))('native/%s has a source for every family, and no other', (folder, beside) => {
  const expected = nativeFamilies.filter((name) => folder !== 'cuda/kernels' || !withoutKernels.includes(name));
  expect([...namesIn(folder)].sort()).toEqual([...expected, ...beside].sort());
});

test('native/ops.def includes a table for every family, which has a header if it declares attributes', () => {
  const included = readFileSync(join(root, 'native/ops.def'), 'utf8').matchAll(/^#include "ops\/(\w+)\.def"$/gm);
  expect([...included].map(([, family]) => family).sort()).toEqual([...nativeFamilies].sort());
  const tables = filesOf('native/ops').filter((name) => name.endsWith('.def'));
  expect(tables.map((name) => name.slice(0, -4)).sort()).toEqual([...nativeFamilies].sort());
  for (const table of tables) {
    const declares = /^SN_ATTRIBUTES\(/m.test(readFileSync(join(root, 'native/ops', table), 'utf8'));
    expect(existsSync(join(root, 'native/ops/attributes', table.replace('.def', '.h')))).toBe(declares);
  }
});

test('lib’s root has five files', () => {
  expect(filesOf('lib').sort()).toEqual(['copies.ts', 'errors.ts', 'index.mts', 'index.ts', 'random.ts', 'version.ts']);
});

test.each(['lib', 'native'])('no folder of %s has more than 25 files, and no file more than 500 lines', (top) => {
  const entries = readdirSync(join(root, top), { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length > 501);
  const folders = new Map<string, number>();
  for (const file of files) folders.set(join(file, '..'), (folders.get(join(file, '..')) ?? 0) + 1);
  const full = [...folders].filter(([, count]) => count > 25).map(([folder]) => folder);
  expect([...long, ...full].map((path) => relative(root, path))).toEqual([]);
});
