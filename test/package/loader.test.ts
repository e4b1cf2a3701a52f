/** The loader: where it looks for the native libraries, in which order, and its errors if they are missing or do not fit. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';
import { describeSystem, oldestGlibc, thisSystem, whyUnsupported } from '../../lib/runtime/platform';
import { version } from '../../lib/version';
import { temporaryFolder } from '../temporary';
import { linkDependencies } from './packed';

const root = packageRoot();
const folder = temporaryFolder();
const out = join(root, 'out');
let app: string;
let made = 0;
let filesModule: (files: readonly string[]) => string;
beforeAll(async () => {
  ({ filesModule } = await import(join(root, 'scripts/pack/stage-packages.mjs')));
});

/** Makes an app that has saturnn's JavaScript but no native libraries yet. */
beforeEach(() => {
  app = join(folder, String(made++));
  const own = join(app, 'node_modules/saturnn');
  mkdirSync(own, { recursive: true });
  cpSync(join(root, 'dist'), join(own, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(own, 'package.json'));
  linkDependencies(app);
});

/** Makes a platform package. `files` maps names to contents (a Buffer) or to paths of files to copy. */
function platformPackage(
  name: string,
  files: Readonly<Record<string, string | Buffer>>,
  its: string = version,
): string {
  const where = join(app, 'node_modules/@saturnn', name);
  mkdirSync(where, { recursive: true });
  const manifest = { name: `@saturnn/${name}`, version: its, main: 'files.js' };
  writeFileSync(join(where, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(where, 'files.js'), filesModule(['saturnn.node', 'libsaturnn_cpu.so', 'libsaturnn_cuda.so']));
  for (const [file, from] of Object.entries(files)) {
    if (typeof from === 'string') cpSync(from, join(where, file));
    else writeFileSync(join(where, file), from);
  }
  return where;
}

const native = { 'saturnn.node': join(out, 'saturnn.node'), 'libsaturnn_cpu.so': join(out, 'libsaturnn_cpu.so') };

const { SATURNN_BINARY: _, ...bare } = process.env;

/** Opens the CPU in a new process. */
function open(env: NodeJS.ProcessEnv = {}): { folder?: string; code?: string; message?: string } {
  const script = `
    try {
      require('saturnn').openDevice('cpu').dispose();
      console.log(JSON.stringify({ folder: require('node:path').dirname(Object.keys(require.cache).find((file) => file.endsWith('.node'))) }));
    } catch ({ code, message }) { console.log(JSON.stringify({ code, message })); }`;
  return JSON.parse(
    execFileSync(process.execPath, ['-e', script], { cwd: app, env: { ...bare, ...env }, encoding: 'utf8' }),
  );
}

describe('the native parts', () => {
  it("are those of the platform's package", () => {
    const where = platformPackage('linux-x64', native);
    expect(open()).toEqual({ folder: where });
  });

  it('are a local build, where there is one', () => {
    platformPackage('linux-x64', native);
    const local = join(app, 'node_modules/saturnn/out');
    mkdirSync(local);
    for (const [name, from] of Object.entries(native)) cpSync(from, join(local, name));
    expect(open()).toEqual({ folder: local });
  });

  it('are those of SATURNN_BINARY and no others, where it is set', () => {
    platformPackage('linux-x64', native);
    expect(open({ SATURNN_BINARY: out })).toEqual({ folder: out });
    const empty = join(app, 'empty');
    const { code, message } = open({ SATURNN_BINARY: empty });
    expect(code).toBe('ERR_BINARY_NOT_FOUND');
    expect(message).toBe(
      `saturnn.node was not found. Tried: ${empty}/saturnn.node. Remedy: SATURNN_BINARY must name the folder that holds it.`,
    );
  });

  it('that are not there are an error with every path and the remedy', () => {
    const { code, message } = open();
    expect(code).toBe('ERR_BINARY_NOT_FOUND');
    expect(message).toContain(`Tried: ${app}/node_modules/saturnn/out/saturnn.node, the package @saturnn/linux-x64`);
    expect(message).toContain('npm install --include=optional saturnn');
    expect(message).toContain('npx saturnn build');
  });

  it('that a package has lost are an error that names its folder', () => {
    const where = platformPackage('linux-x64', { 'saturnn.node': native['saturnn.node'] });
    const { code, message } = open();
    expect(code).toBe('ERR_BINARY_NOT_FOUND');
    expect(message).toContain(join(where, 'libsaturnn_cpu.so'));
  });

  it('of another version are refused', () => {
    const where = platformPackage('linux-x64', native, '0.0.9');
    const { code, message } = open();
    expect(code).toBe('ERR_BINARY_VERSION');
    expect(message).toContain(`saturnn ${version} needs @saturnn/linux-x64 ${version}, but ${where} is 0.0.9`);
    expect(message).toContain(`npm install saturnn@${version}`);
  });

  it('of a local build are refused when the package was updated since', () => {
    const local = join(app, 'node_modules/saturnn/out');
    mkdirSync(local);
    for (const [name, from] of Object.entries(native)) cpSync(from, join(local, name));
    const file = join(app, 'node_modules/saturnn/dist/version.js');
    writeFileSync(file, readFileSync(file, 'utf8').replace(`'${version}'`, "'99.0.0'"));
    const { code, message } = open();
    expect(code).toBe('ERR_BINARY_VERSION');
    expect(message).toContain(`saturnn 99.0.0 cannot use ${local}/saturnn.node, which was built from ${version}`);
  });

  it("that do not load are an error with the dynamic loader's words", () => {
    const where = platformPackage('linux-x64', { 'saturnn.node': Buffer.from('no library') });
    const { code, message } = open();
    expect(code).toBe('ERR_BINARY_NOT_LOADED');
    expect(message).toMatch(/file too short|invalid ELF header/);
    expect(message).toContain(where);
    expect(message).toContain('npx saturnn build');
  });

  it('of the CUDA backend are looked for in its own package', () => {
    platformPackage('linux-x64', native);
    const script = `
      const { probeBackend } = require('saturnn');
      try { console.log(Object.keys(probeBackend('cuda')).includes('driver')); } catch ({ code, message }) { console.log(code, message); }`;
    const probe = () => spawnSync(process.execPath, ['-e', script], { cwd: app, encoding: 'utf8', env: bare }).stdout;
    expect(probe()).toMatch(/^ERR_BINARY_NOT_FOUND .*the package @saturnn\/linux-x64-cuda \(not installed\)/);
    // The file need not be a library: the error shows that the loader tried to open it.
    const where = platformPackage('linux-x64-cuda', { 'libsaturnn_cuda.so': Buffer.from('no library') });
    expect(probe()).toMatch(/^ERR_BACKEND_NOT_FOUND /);
    expect(probe()).toContain(join(where, 'libsaturnn_cuda.so'));
  });
});

describe('systems', () => {
  it('are described, and this one is supported', () => {
    expect(describeSystem(thisSystem())).toMatch(/^Linux x64, glibc 2\.\d+$/);
    expect(whyUnsupported(thisSystem())).toBeUndefined();
  });

  it.each([
    [{ platform: 'darwin', arch: 'arm64' }, 'this is darwin arm64'],
    [{ platform: 'win32', arch: 'x64' }, 'this is win32 x64'],
    [{ platform: 'linux', arch: 'arm64', glibc: '2.36' }, 'this is Linux arm64, glibc 2.36'],
    [{ platform: 'linux', arch: 'x64' }, 'node:22-slim instead of node:22-alpine'],
    [{ platform: 'linux', arch: 'x64', glibc: '2.31' }, 'this is Linux x64, glibc 2.31'],
    [{ platform: 'linux', arch: 'x64', glibc: '2.4' }, 'or a container'],
  ])('that cannot run it are told so: %o', (system, text) => {
    expect(whyUnsupported(system)).toContain(`glibc ${oldestGlibc} or newer`);
    expect(whyUnsupported(system)).toContain(text);
  });

  it.each([oldestGlibc, '2.41', '3.0'])('with glibc %s can run it', (glibc) => {
    expect(whyUnsupported({ platform: 'linux', arch: 'x64', glibc })).toBeUndefined();
  });
});
