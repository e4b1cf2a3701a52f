import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cudaSearchPaths } from '../../lib/runtime/cudaSearchPaths';

let root = '';

const folder = (...parts: string[]): string => {
  const path = join(root, ...parts);
  mkdirSync(path, { recursive: true });
  return path;
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'saturnn-search-'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Returns the search paths in folders of this test; folders of the host may follow them and are left out. */
const found = (environment: NodeJS.ProcessEnv) => cudaSearchPaths(environment).filter((path) => path.startsWith(root));

test('CUDNN_PATH comes first, with its lib folder', () => {
  const lib = folder('cudnn', 'lib');
  const pip = folder('venv', 'lib', 'python3.12', 'site-packages', 'nvidia', 'cudnn', 'lib');
  const environment = { CUDNN_PATH: join(root, 'cudnn'), VIRTUAL_ENV: join(root, 'venv') };
  expect(found(environment)).toEqual([join(root, 'cudnn'), lib, pip]);
});

test('CUDNN_PATH may be a folder into which pip has installed the packages', () => {
  const libraries = ['cudnn', 'cu13'].map((name) => folder('target', 'nvidia', name, 'lib'));
  expect(found({ CUDNN_PATH: join(root, 'target') })).toEqual([join(root, 'target'), ...libraries]);
});

test('the pip packages of the python3 on PATH are found without an activated environment', () => {
  const packages = join('venv', 'lib', 'python3.11', 'site-packages', 'nvidia');
  const [cudnn, cublas] = [folder(packages, 'cudnn', 'lib'), folder(packages, 'cu13', 'lib')];
  writeFileSync(join(folder('venv', 'bin'), 'python3'), '');
  expect(found({ PATH: `/nowhere:${join(root, 'venv', 'bin')}` })).toEqual([cudnn, cublas]);
});

test('conda: its pip packages, then its own libraries', () => {
  const pip = folder('conda', 'lib', 'python3.11', 'site-packages', 'nvidia', 'cudnn', 'lib');
  expect(found({ CONDA_PREFIX: join(root, 'conda') })).toEqual([pip, join(root, 'conda', 'lib')]);
});

test('what does not exist is left out', () => {
  expect(found({ CUDNN_PATH: join(root, 'none'), VIRTUAL_ENV: join(root, 'none'), PATH: '' })).toEqual([]);
});

test('folders that are relative are left out, but for those that are given for cuDNN', () => {
  const before = process.cwd();
  for (const name of ['venv', 'bin', 'conda'])
    folder(name, 'lib', 'python3.12', 'site-packages', 'nvidia', 'cudnn', 'lib');
  folder('lib', 'python3.12', 'site-packages', 'nvidia', 'cudnn', 'lib');
  for (const name of ['venv/bin', 'bin', '.']) writeFileSync(join(folder(name), 'python3'), '');
  folder('.local', 'lib', 'python3.12', 'site-packages', 'nvidia', 'cudnn', 'lib');
  const home = process.env.HOME;
  try {
    process.chdir(root);
    process.env.HOME = '';
    const relative = { PATH: 'venv/bin:bin:.::./bin', VIRTUAL_ENV: 'venv', CONDA_PREFIX: 'conda' };
    const paths = cudaSearchPaths(relative);
    expect(paths.filter((path) => !path.startsWith('/') || path.startsWith(root))).toEqual([]);
    expect(found({ CUDNN_PATH: 'conda' })).toEqual([join(root, 'conda'), join(root, 'conda', 'lib')]);
  } finally {
    process.chdir(before);
    if (home === undefined) delete process.env.HOME;
    else process.env.HOME = home;
  }
});
