/**
 * Every way in which loading the CUDA backend can fail, in child processes. Each must give a typed error, and the process
 * must not be aborted, although cuDNN itself (and its stand-in here) aborts if a part of it is missing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ops } from '../../lib/ops';
import { binaryFolders } from '../../lib/runtime/locate';
import type { NativeOp } from '../../lib/runtime/native';
import { compileCudnn, compileFake, copyWithout, subLibraries } from '../fakes/build';

const [binaries] = binaryFolders() as [string];
const addon = join(binaries, 'saturnn.node');
const library = join(binaries, 'libsaturnn_cuda.so');

interface Piece {
  usable: boolean;
  path?: string;
  version?: string;
  problem?: string;
}

interface Probe {
  usable: boolean;
  driver: Piece;
  cudnn: Piece;
  cublasLt: Piece;
  nvrtc: Piece;
  missing: { code: string; message: string }[];
  oldest: { driverCuda: string; cudnn: string };
  ops: Record<string, NativeOp>;
}

interface Outcome {
  code?: string;
  message?: string;
  result?: Probe | 'opened';
}

interface Host {
  /** Folder of libcuda.so.1; undefined for a host without a driver. */
  driver?: string;
  searchPaths?: string[];
  libraryPath?: string;
  index?: number;
  environment?: Record<string, string>;
}

function inChild(action: 'openDevice' | 'probe', host: Host): Outcome {
  const options = { libraryPath: host.libraryPath ?? library, index: host.index ?? 0, threads: 0 };
  const child = spawnSync(
    process.execPath,
    [
      join(__dirname, '../fakes/child.js'),
      addon,
      action,
      JSON.stringify({ ...options, searchPaths: host.searchPaths ?? [] }),
    ],
    { encoding: 'utf8', env: { PATH: process.env.PATH, LD_LIBRARY_PATH: host.driver ?? '', ...host.environment } },
  );
  expect({ signal: child.signal, status: child.status, stderr: child.stderr }).toEqual({
    signal: null,
    status: 0,
    stderr: '',
  });
  return JSON.parse(child.stdout);
}

function probe(host: Host): Probe {
  const { result } = inChild('probe', host);
  if (typeof result !== 'object') throw new Error('the probe gave no object');
  return result;
}

/** Whether the dynamic loader finds NVIDIA's libraries on this host; their absence cannot be tested then. */
const hasReal = ['libcuda.so.1', 'libcudnn.so.9', 'libcublasLt.so.13', 'libnvrtc.so.13'].some(systemHas);
const builtWithCuda = existsSync(library);
if (!builtWithCuda) console.warn(`Not run: the CUDA loader's tests, because ${library} was not built.`);
if (hasReal) console.warn('Not run: the tests of what is absent, because this host has NVIDIA libraries.');

function systemHas(file: string): boolean {
  return spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).stdout?.includes(file) ?? false;
}

describe.skipIf(!builtWithCuda)('the CUDA loader', () => {
  const root = mkdtempSync(join(tmpdir(), 'saturnn-fakes-'));
  const driver = join(root, 'driver');
  const complete = join(root, 'complete');

  beforeAll(() => {
    compileFake(driver, 'libcuda.so.1', 'cuda_driver.c');
    compileCudnn(complete);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('exports one symbol', () => {
    const symbols = execFileSync('nm', ['-D', '--defined-only', library], { encoding: 'utf8' });
    expect(symbols.trim().split('\n')).toEqual([expect.stringMatching(/^[0-9a-f]+ T saturnn_backend$/)]);
  });

  it.skipIf(hasReal)('says that there is no driver', () => {
    const { code, message } = inChild('openDevice', { searchPaths: [complete] });
    expect(code).toBe('ERR_CUDA_UNAVAILABLE');
    expect(message).toMatch(/libcuda\.so\.1 .*Install the NVIDIA driver/);
  });

  it.each([
    ['a driver that is too old', { FAKE_DRIVER_CUDA: '12040' }, /supports CUDA 12\.4, but 13\.0 is needed/],
    ['a driver that does not start', { FAKE_DRIVER_INIT: '999' }, /cuInit returned error 999/],
    ['a driver without a GPU', { FAKE_DRIVER_DEVICES: '0' }, /sees no GPU/],
  ])('names %s', (_, environment, expected) => {
    const { code, message } = inChild('openDevice', { driver, searchPaths: [complete], environment });
    expect(code).toBe('ERR_CUDA_UNAVAILABLE');
    expect(message).toMatch(expected);
  });

  it.skipIf(hasReal)('says that there is no cuDNN, with the paths tried, in order', () => {
    const empty = [join(root, 'nowhere'), driver];
    const { code, message } = inChild('openDevice', { driver, searchPaths: empty });
    expect(code).toBe('ERR_CUDNN_NOT_FOUND');
    expect(message).toContain(
      `Tried: ${empty[0]}/libcudnn.so.9, ${empty[1]}/libcudnn.so.9, libcudnn.so.9 (dynamic loader). Install it`,
    );
  });

  it('refuses a cuDNN that is too old', () => {
    const environment = { FAKE_CUDNN_VERSION: '90100' };
    const { code, message } = inChild('openDevice', { driver, searchPaths: [complete], environment });
    expect(code).toBe('ERR_CUDNN_NOT_FOUND');
    expect(message).toMatch(/cuDNN 9\.1\.0 at .*libcudnn\.so\.9 is too old; 9\.8 or newer is needed/);
  });

  it('does not ask an older cuDNN for the sub-libraries of newer ones', () => {
    const folder = join(root, 'older');
    copyWithout(complete, folder, subLibraries.slice(-2));
    const environment = { FAKE_CUDNN_VERSION: '90800' };
    expect(probe({ driver, searchPaths: [folder], environment }).cudnn).toMatchObject({
      usable: true,
      version: '9.8.0',
    });
  });

  it.each(subLibraries)('says that cuDNN lacks %s', (missing) => {
    const folder = join(root, `without-${missing}`);
    copyWithout(complete, folder, [missing]);
    const { code, message } = inChild('openDevice', { driver, searchPaths: [folder] });
    expect(code).toBe('ERR_CUDNN_INCOMPLETE');
    expect(message).toContain(`missing: ${join(folder, missing)}. Reinstall cuDNN`);
  });

  it('names every sub-library that is missing', () => {
    const folder = join(root, 'alone');
    copyWithout(complete, folder, subLibraries);
    const { code, message } = inChild('openDevice', { driver, searchPaths: [folder] });
    expect(code).toBe('ERR_CUDNN_INCOMPLETE');
    for (const file of subLibraries.slice(0, -2)) expect(message).toContain(join(folder, file));
  });

  it.skipIf(hasReal)('says that there is no cuBLASLt', () => {
    const folder = join(root, 'no-cublaslt');
    copyWithout(complete, folder, ['libcublasLt.so.13']);
    const { code, message } = inChild('openDevice', { driver, searchPaths: [folder] });
    expect(code).toBe('ERR_CUBLASLT_NOT_FOUND');
    expect(message).toContain(`Tried: ${join(folder, 'libcublasLt.so.13')}, `);
  });

  it('finds cuBLASLt in a later search path', () => {
    const folder = join(root, 'apart');
    copyWithout(complete, folder, ['libcublasLt.so.13']);
    const cublas = join(root, 'cublas');
    compileFake(cublas, 'libcublasLt.so.13', 'cublaslt.c');
    const result = probe({ driver, searchPaths: [folder, cublas] });
    expect(result.cublasLt).toMatchObject({ usable: true, path: join(cublas, 'libcublasLt.so.13'), version: '13.1.0' });
  });

  it('finds a cuDNN that only the dynamic loader knows', () => {
    const result = probe({ driver: `${driver}:${complete}` });
    expect(result.cudnn).toMatchObject({ usable: true, path: join(complete, 'libcudnn.so.9'), version: '9.24.0' });
  });

  it.skipIf(hasReal)('probes everything at once, with nothing there', () => {
    const result = probe({});
    expect(result.usable).toBe(false);
    expect(result.missing.map((piece: { code: string }) => piece.code)).toEqual([
      'ERR_CUDA_UNAVAILABLE',
      'ERR_CUDNN_NOT_FOUND',
      'ERR_CUBLASLT_NOT_FOUND',
    ]);
    expect(result.oldest).toEqual({ driverCuda: '13.0', cudnn: '9.8' });
  });

  it('has the attribute structs of the op table, though no device was opened', () => {
    const expected = new Map(ops.map(({ name, attributes }) => [name, attributes.map((field) => [...field])]));
    const table = probe({}).ops;
    const fields = Object.entries(table).map(([name, op]) => [name, op.variableAttributes ? [] : op.fields]);
    expect(fields).toEqual(Object.keys(table).map((name) => [name, expected.get(name)]));
    expect(Object.keys(table)).toContain('conv2dWgrad');
  });

  it.skipIf(hasReal)('probes a complete host', () => {
    const result = probe({ driver, searchPaths: [complete] });
    expect(result).toMatchObject({
      usable: true,
      driver: { usable: true, cuda: '13.0', devices: ['Fake GPU'] },
      cudnn: { usable: true, version: '9.24.0', path: join(complete, 'libcudnn.so.9') },
      missing: [],
    });
    expect(result.nvrtc.problem).toMatch(/NVRTC .* was not found/);
  });

  it('turns the first failure of the CUDA runtime into an error', () => {
    const { code, message } = inChild('openDevice', { driver, searchPaths: [complete] });
    expect(code).toBe('ERR_CUDA_UNAVAILABLE');
    expect(message).toMatch(/GPU 0 \(Fake GPU\) does not work with this driver: /);
  });

  it('refuses a GPU that is not there', () => {
    const { code, message } = inChild('openDevice', { driver, searchPaths: [complete], index: 3 });
    expect(code).toBe('ERR_CUDA_UNAVAILABLE');
    expect(message).toBe('Expected a GPU index from 0 to 0 but received 3.');
  });
});

describe.skipIf(!existsSync(addon))('a backend library that does not fit the addon', () => {
  const root = mkdtempSync(join(tmpdir(), 'saturnn-fakes-'));
  const libraryPath = join(root, 'libsaturnn_cuda.so');
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it.each(['openDevice', 'probe'] as const)('%s names both ABI versions', (action) => {
    compileFake(root, 'libsaturnn_cuda.so', 'other_abi_backend.c');
    const { code, message } = inChild(action, { libraryPath });
    expect(code).toBe('ERR_BACKEND_ABI');
    expect(message).toMatch(/ABI version \d+, but this addon needs version \d+/);
  });

  it.each(['openDevice', 'probe'] as const)('%s refuses a library that is no backend', (action) => {
    compileFake(root, 'libsaturnn_cuda.so', 'not_a_backend.c');
    expect(inChild(action, { libraryPath }).code).toBe('ERR_BACKEND_NOT_FOUND');
  });

  it.each(['openDevice', 'probe'] as const)('%s says that there is no library', (action) => {
    expect(inChild(action, { libraryPath: join(root, 'absent.so') }).code).toBe('ERR_BACKEND_NOT_FOUND');
  });
});
