/** A family of ops has one name in every folder of the native side: a file, or a folder where one file is too little. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/locate';

const native = join(packageRoot(), 'native');
const families = [...readFileSync(join(native, 'ops.def'), 'utf8').matchAll(/^#include "ops\/(\w+)\.def"$/gm)].map(
  ([, family]) => family as string,
);

/** cuDNN computes them; their own kernels are those of other families. */
const withoutKernels = ['convolution', 'linear'];

/** Of these folders, everything that is no family's. */
const others: Readonly<Record<string, readonly string[]>> = {
  cpu: ['backend', 'device', 'geometry', 'kernel', 'onednn', 'ops', 'simd', 'storage'],
  cuda: ['backend', 'cudnn', 'device', 'kernel', 'kernels', 'move', 'ops', 'tensor'],
  'cuda/kernels': ['common', 'latch'],
};

const namesIn = (folder: string): Set<string> =>
  new Set(
    readdirSync(join(native, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || /\.(cc|cuh?|h)$/.test(entry.name))
      .map(({ name }) => name.replace(/\.\w+$/, '')),
  );

test.each(Object.entries(others))(
  'native/%s has a source for each family, and nothing that is not named',
  (folder, rest) => {
    const expected = folder === 'cuda/kernels' ? families.filter((name) => !withoutKernels.includes(name)) : families;
    expect(families.length).toBe(12);
    expect([...namesIn(folder)].sort()).toEqual([...expected, ...rest].sort());
  },
);

test('every table of ops/ is included in ops.def, and its structs have a header if it declares some', () => {
  const tables = readdirSync(join(native, 'ops')).filter((name) => name.endsWith('.def'));
  expect(tables.map((name) => name.slice(0, -4)).sort()).toEqual([...families].sort());
  for (const table of tables) {
    const declares = /^SN_ATTRIBUTES\(/m.test(readFileSync(join(native, 'ops', table), 'utf8'));
    expect(existsSync(join(native, 'ops', table.replace('.def', '.h')))).toBe(declares);
  }
});
