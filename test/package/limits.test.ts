/** scripts/pack refuses packages that are too large, need too new a system, or have scripts that npm would run. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';
import { oldestGlibc } from '../../lib/runtime/platform';
import { temporaryFolder } from '../temporary';

const root = packageRoot();
const folder = temporaryFolder();
const addon = join(root, 'out/saturnn.node');
const load = (name: string) => import(join(root, 'scripts/pack', name));

describe('what binaries need of a system', () => {
  it('is what the symbols say that they import', async () => {
    const { floorsOf } = await load('floors.mjs');
    expect(floorsOf(addon).GLIBC).toMatch(/^2\.\d+$/);
    expect(floorsOf(join(root, 'out/libsaturnn_cpu.so'))).toMatchObject({
      GLIBCXX: expect.stringMatching(/^3\.4\.\d+$/),
    });
  });

  it('is at most what is promised', async () => {
    const { checkFloors, promisedFloors } = await load('floors.mjs');
    expect(promisedFloors()).toMatchObject({ GLIBC: oldestGlibc });
    expect(() => checkFloors([addon])).not.toThrow();
    expect(() => checkFloors([addon], { GLIBC: '2.9' })).toThrow(
      /^saturnn\.node needs GLIBC 2\.\d+; promised is 2\.9$/,
    );
  });
});

describe('a package', () => {
  const packageWith = (name: string, manifest: object, file = 'index.js') => {
    const own = join(folder, name);
    mkdirSync(own);
    writeFileSync(join(own, 'package.json'), JSON.stringify(manifest));
    return [own, ['package.json', file]] as const;
  };

  it.each([
    ['an install script', { scripts: { postinstall: 'node x' } }, 'index.js', 'has the script postinstall'],
    ['gypfile', { gypfile: true }, 'index.js', 'has "gypfile"'],
    ['a binding.gyp', {}, 'binding.gyp', 'has a .gyp file'],
  ])('with %s is refused', async (name, manifest, file, text) => {
    const { checkManifest } = await load('pack-all.mjs');
    expect(() => checkManifest('saturnn', ...packageWith(name, manifest, file))).toThrow(`saturnn: ${text}`);
  });

  it('with nothing of that is not', async () => {
    const { checkManifest } = await load('pack-all.mjs');
    expect(() => checkManifest('saturnn', ...packageWith('good', { scripts: { test: 'x' } }))).not.toThrow();
  });

  it('has a largest size', async () => {
    const { checkSize } = await load('pack-all.mjs');
    expect(() => checkSize('@saturnn/linux-x64-cuda', 15e6)).not.toThrow();
    expect(() => checkSize('@saturnn/linux-x64-cuda', 15e6 + 1)).toThrow('at most 15000000 are allowed');
  });
});
