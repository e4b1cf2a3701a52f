/**
 * Publishes the packages to a local registry, installs them from it on a system that has only Node.js, and uses them. The
 * tests are skipped on hosts where that is not possible, except in CI (SATURNN_INSTALL=required).
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../../lib/runtime/locate';
import { version } from '../../../lib/version';
import { temporaryFolder } from '../../temporary';
import { isRequired, packedPackages, whyNotPacked } from '../packed';
import { CleanRoot, type NodeVersion, nodeVersions, whyNoCleanRoot } from './cleanRoot';
import { type Registry, startRegistry } from './registry';

const reason = whyNotPacked() ?? whyNoCleanRoot();
const folder = temporaryFolder();
let registry: Registry;
let root: CleanRoot;

const programs = {
  'require.cjs': `
    const saturnn = require('saturnn');
    const { table1 } = require('saturnn/experiments');
    const { version } = require('saturnn/package.json');
    console.log(typeof saturnn.Trainer, typeof table1, version, saturnn.openDevice('cpu').name);`,
  'import.mjs': `
    import { createRequire } from 'node:module';
    import { Trainer, openDevice } from 'saturnn';
    import { table1 } from 'saturnn/experiments';
    const same = createRequire(import.meta.url)('saturnn').Trainer === Trainer;
    console.log(typeof Trainer, typeof table1, same, openDevice('cpu').name);`,
  'train.cjs': `
    const { Trainer, generated, inception33, leakyTanh } = require('saturnn');
    const { train, test } = generated({ train: 160, test: 32 });
    const model = inception33({ width: 0.1, activation: leakyTanh(0.25) });
    const trainer = new Trainer({ model, train, test, batch: 16, learningRate: 0.01, device: 'cpu' });
    (async () => {
      for await (const event of trainer.fit({ epochs: 1 })) {
        if (event.event === 'epoch') console.log(event.step, Number.isFinite(event.trainLoss), event.complete);
      }
      trainer.dispose();
    })();`,
} as const;

/** Runs a command without blocking this process, because the registry that answers it runs in this process. */
async function publish(command: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, ...registry.environment };
  const { stdout } = await promisify(execFile)(command, args, { env });
  return stdout;
}

/** Makes an empty project with test programs. @param manifest further fields of its package.json */
function project(name: string, manifest: object = {}): string {
  const inside = `/home/${name}`;
  const outside = join(root.folder, inside);
  mkdirSync(outside, { recursive: true });
  writeFileSync(join(outside, 'package.json'), JSON.stringify({ name: 'app', private: true, ...manifest }));
  for (const [file, text] of Object.entries(programs)) writeFileSync(join(outside, file), text);
  return inside;
}

async function good(version: NodeVersion, where: string, command: string): Promise<string> {
  const { code, stdout, stderr } = await root.run(version, where, command);
  expect({ code, stderr: code === 0 ? '' : stderr, stdout: code === 0 ? '' : stdout }).toEqual({
    code: 0,
    stderr: '',
    stdout: '',
  });
  return stdout.trim();
}

/** Returns the command that installs saturnn with an empty npm cache. */
const npmInstall = (name: string, more = '') =>
  `npm install saturnn --registry ${registry.url} --cache /tmp/npm-${name} --no-audit --no-fund ${more}`;

async function expectLoading(version: NodeVersion, where: string): Promise<void> {
  expect(await good(version, where, 'node require.cjs')).toBe(`function function ${packageVersion} cpu`);
  expect(await good(version, where, 'node import.mjs')).toBe('function function true cpu');
}

async function expectWorking(version: NodeVersion, where: string): Promise<void> {
  await expectLoading(version, where);
  expect(await good(version, where, 'node train.cjs')).toBe('10 true true');
}

const packageVersion = version;

describe.skipIf(reason !== undefined && !isRequired)(`the published packages${reason ? ` (${reason})` : ''}`, () => {
  beforeAll(async () => {
    if (reason !== undefined) throw new Error(reason);
    packedPackages();
    root = new CleanRoot(join(folder, 'root'));
    registry = await startRegistry(join(folder, 'registry'));
    const script = join(packageRoot(), 'scripts/release/publish.mjs');
    const output = await publish(process.execPath, [script, '--packed', '--registry', registry.url]);
    expect(output.match(/^npm publish \S+/gm)).toEqual(
      ['saturnn-linux-x64', 'saturnn-linux-x64-cuda', 'saturnn'].map(
        (name) => `npm publish out/packages/${name}-${version}.tgz`,
      ),
    );
    // Publishing again changes nothing, because the registry has all packages.
    const again = await publish(process.execPath, [script, '--packed', '--registry', registry.url]);
    expect(again.match(/is already in the registry$/gm)?.length).toBe(3);
  });
  afterAll(() => registry?.close());

  it('are published without anything that npm would run', async () => {
    for (const name of ['saturnn', '@saturnn/linux-x64', '@saturnn/linux-x64-cuda']) {
      const published = (await (await fetch(`${registry.url}${name.replace('/', '%2f')}/${version}`)).json()) as object;
      expect(published).toMatchObject({ name, version });
      for (const key of ['scripts', 'gypfile', 'hasInstallScript']) expect(published).not.toHaveProperty(key);
    }
  });

  it('are tested on a system that has nothing which could help them', async () => {
    const tools = 'gcc g++ cc c++ clang cmake make ninja python3 node-gyp';
    const found = await good(
      '22',
      '/home',
      `for tool in ${tools}; do command -v $tool || true; done; ls /usr/lib/x86_64-linux-gnu`,
    );
    expect(found).toMatch(/libstdc\+\+/);
    expect(found).not.toMatch(/\/(gcc|g\+\+|cc|c\+\+|clang|cmake|make|ninja|python3|node-gyp)$/m);
    expect(found).not.toMatch(/dnnl|OpenCL|gomp/);
  });

  it.each(nodeVersions)('install and work with Node %s', async (node) => {
    const where = project(`node${node}`);
    const before = performance.now();
    const output = await good(node, where, npmInstall(node));
    console.log(`Node ${node}: npm install took ${((performance.now() - before) / 1000).toFixed(1)} s: ${output}`);
    await expectWorking(node, where);

    expect(await good(node, where, 'npx saturnn doctor')).toMatch(/^cpu: works$/m);
    const report = JSON.parse(await good(node, where, 'npx saturnn doctor --json'));
    expect(report).toMatchObject({ saturnn: packageVersion, auto: { device: 'cpu' } });
    expect(report.node.split('.')[0]).toBe(node);
    const folders = report.parts.map(({ folder }: { folder: string }) => folder);
    const scope = `${where}/node_modules/@saturnn`;
    expect(folders).toEqual([`${scope}/linux-x64`, `${scope}/linux-x64`, `${scope}/linux-x64-cuda`]);
  });

  it('need no install script', async () => {
    const where = project('ignore-scripts');
    await good('24', where, npmInstall('ignore-scripts', '--ignore-scripts'));
    await expectLoading('24', where);
  });

  it('work when pnpm has installed them', async () => {
    const where = project('pnpm');
    const pnpm = 'node /opt/pnpm/bin/pnpm.cjs';
    await good('22', where, `${pnpm} add saturnn --registry ${registry.url} --store-dir /tmp/pnpm-store`);
    await expectWorking('22', where);
    expect(await good('22', where, `${pnpm} exec saturnn doctor`)).toMatch(/^cpu: works$/m);
  });

  it('without the optional ones, the error says what is missing and how to get it', async () => {
    const where = project('omit-optional');
    await good('20', where, npmInstall('omit-optional', '--omit=optional'));
    const { code, stderr } = await root.run('20', where, 'npx saturnn train --data generated --out runs/x');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /saturnn\.node was not found\. Tried: .*\/saturnn\/out\/saturnn\.node, the package @saturnn\/linux-x64/,
    );
    expect(stderr).toContain('npm install --include=optional saturnn');
    const { code: doctor, stdout } = await root.run('20', where, 'npx saturnn doctor');
    expect(doctor).toBe(1);
    expect(stdout).toMatch(/next:\n.*\n +npm install --include=optional saturnn/);
    // The remedy that the error names works.
    await good('20', where, npmInstall('omit-optional', '--include=optional'));
    await expectLoading('20', where);
  });

  it('of another version are refused, naming both', async () => {
    const old = join(folder, 'old');
    mkdirSync(old);
    const manifest = JSON.parse(
      readFileSync(join(packageRoot(), 'out/packages/@saturnn/linux-x64/package.json'), 'utf8'),
    );
    writeFileSync(join(old, 'package.json'), JSON.stringify({ ...manifest, version: '0.0.1' }));
    cpSync(join(packageRoot(), 'out/packages/@saturnn/linux-x64/files.js'), join(old, 'files.js'));
    await publish('npm', ['publish', old, '--registry', registry.url, '--access', 'public', '--tag', 'old']);
    const where = project('mismatch', { overrides: { '@saturnn/linux-x64': '0.0.1' } });
    await good('22', where, npmInstall('mismatch'));
    const { code, stderr } = await root.run('22', where, 'node require.cjs');
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_BINARY_VERSION');
    expect(stderr).toContain(
      `saturnn ${packageVersion} needs @saturnn/linux-x64 ${packageVersion}, but ${where}/node_modules`,
    );
    expect(stderr).toContain('is 0.0.1');
  });
});
