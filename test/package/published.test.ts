/** The published packages: well-formed, small, typed for both module systems, without install scripts. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import * as index from '../../lib/index';
import { packageRoot } from '../../lib/runtime/locate';
import * as own from '../../lib/version';
import { temporaryFolder } from '../temporary';
import { installPackages, isRequired, type Packed, packedPackages, whyNotPacked } from './packed';

const root = packageRoot();
const folder = temporaryFolder();
const bin = (name: string) => join(root, 'node_modules/.bin', name);
const platform = ['@saturnn/linux-x64', '@saturnn/linux-x64-cuda'];
let packed: Packed;

const manifestOf = (name: string) => JSON.parse(readFileSync(join(packed.folder(name), 'package.json'), 'utf8'));
const filesOf = (name: string) => readdirSync(packed.folder(name), { recursive: true }).map(String);

function run(command: string, args: readonly string[], cwd = root) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

const reason = whyNotPacked();
describe.skipIf(reason !== undefined && !isRequired)(`the published packages${reason ? ` (${reason})` : ''}`, () => {
  beforeAll(() => {
    packed = packedPackages();
  });

  it('have one version, which the platform packages are asked for exactly', () => {
    const main = manifestOf('saturnn');
    expect(main).toMatchObject({ name: 'saturnn', version: own.version });
    expect(main.optionalDependencies).toEqual(Object.fromEntries(platform.map((each) => [each, own.version])));
    for (const each of platform) {
      expect(manifestOf(each)).toMatchObject({ version: own.version, os: ['linux'], cpu: ['x64'], libc: ['glibc'] });
    }
    const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect({ version, description }).toEqual({ ...own });
  });

  it('run nothing when they are installed', () => {
    for (const name of ['saturnn', ...platform]) {
      const { scripts, gypfile, private: isPrivate } = manifestOf(name);
      expect({ scripts, gypfile, isPrivate }).toEqual({ scripts: undefined, gypfile: undefined, isPrivate: undefined });
    }
    for (const archive of packed.archives) {
      const files = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' });
      expect(files).toContain('package/package.json');
      expect(files).not.toMatch(/\.gypi?$/m);
    }
  });

  it('hold what they need, with licences, and no tests', () => {
    const main = filesOf('saturnn');
    for (const file of [
      'dist/index.js',
      'dist/index.d.mts',
      'native/shared/backend.h',
      'CMakeLists.txt',
      'LICENSE',
      'CHANGELOG.md',
    ])
      expect(main).toContain(file);
    expect(main.filter((file) => /^(test|bench|scripts|node_modules|out)\b/.test(file))).toEqual([]);
    const native = filesOf('@saturnn/linux-x64');
    for (const file of [
      'saturnn.node',
      'libsaturnn_cpu.so',
      'libdnnl.so.2',
      'libOpenCL.so.1',
      'libgomp.so.1',
      'LICENSE',
    ])
      expect(native).toContain(file);
    expect(native.filter((file) => file.startsWith('licences/')).sort()).toEqual(
      ['GPL-3', 'libdnnl2', 'libgomp1', 'node-addon-api', 'ocl-icd-libopencl1'].map((name) => `licences/${name}.txt`),
    );
    const notices = readFileSync(join(packed.folder('@saturnn/linux-x64'), 'THIRD-PARTY.md'), 'utf8');
    for (const what of ['libdnnl.so.2', 'libOpenCL.so.1', 'libgomp.so.1', 'node-addon-api'])
      expect(notices).toContain(what);
    expect(notices.match(/https:\/\/snapshot\.debian\.org\/package\/[\w-]+\/\d[^/]+\//g)?.length).toBe(4);
    expect(filesOf('@saturnn/linux-x64-cuda').sort()).toEqual([
      'LICENSE',
      'README.md',
      'THIRD-PARTY.md',
      'files.js',
      'libsaturnn_cuda.so',
      'package.json',
      'sbom.cdx.json',
    ]);
  });

  it('have a bill of materials (CycloneDX) that is valid and names every npm package and native part', async () => {
    const { Validation, Spec } = require('@cyclonedx/cyclonedx-library');
    const read = async (
      name: string,
    ): Promise<Record<string, { version?: string; scope: string; licenses?: unknown }>> => {
      const text = readFileSync(join(packed.folder(name), 'sbom.cdx.json'), 'utf8');
      expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text), name).toBeNull();
      const { metadata, components } = JSON.parse(text);
      expect(metadata.component).toMatchObject({ name, version: own.version });
      return Object.fromEntries(components.map((part: { name: string }) => [part.name, part]));
    };
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const main = await read('saturnn');
    for (const [name, range] of Object.entries(manifestOf('saturnn').dependencies)) {
      expect(range).toBeTruthy();
      expect(main[name], name).toMatchObject({ version: lock.packages[`node_modules/${name}`].version });
    }
    // What a dependency needs itself is there, too.
    expect(Object.keys(main)).toContain('zrender');

    const common = await read('@saturnn/linux-x64');
    expect(Object.keys(common).sort()).toEqual([
      'GNU OpenMP',
      'OCL ICD Loader',
      'libstdc++',
      'node-addon-api',
      'oneDNN',
    ]);
    const cuda = await read('@saturnn/linux-x64-cuda');
    const runtime = 'CUDA runtime (cudart_static)';
    const inside = [...Object.values(main), ...Object.values(common), cuda[runtime]];
    for (const part of inside)
      expect(part).toMatchObject({ version: expect.stringMatching(/\d/), scope: 'required', licenses: [{}] });
    const { [runtime]: _, ...opened } = cuda;
    expect(Object.values(opened).map(({ scope }) => scope)).toEqual(['excluded', 'excluded', 'excluded', 'excluded']);
  });

  it('have classes with their own names, as messages and util.inspect() show them', () => {
    const app = installPackages(packed, join(folder, 'names'));
    const script = `
      const isClass = (value) => typeof value === 'function' && /^class\\b/.test(value.toString());
      const classes = ['saturnn', 'saturnn/experiments'].flatMap((entry) => Object.entries(require(entry))).filter(([, value]) => isClass(value));
      console.log(JSON.stringify(classes.map(([key, { name }]) => [key, name])));`;
    const { text } = run(process.execPath, ['-e', script], app);
    const names: [string, string][] = JSON.parse(text);
    expect(names.length).toBeGreaterThan(20);
    for (const [exported, own] of names) expect(own).toBe(exported);
  });

  it('run none of their modules before a name is used', () => {
    const app = installPackages(packed, join(folder, 'lazy'));
    const script = `
      const isLoaded = () => process.moduleLoadList.includes('NativeModule zlib');
      const library = require('saturnn');
      const names = Object.keys(library);
      const before = isLoaded();
      library.getData;
      const after = isLoaded();
      console.log(JSON.stringify({ names, before, after, missing: names.filter((name) => library[name] === undefined) }));`;
    const report = JSON.parse(run(process.execPath, ['-e', script], app).text);
    expect(report).toEqual({ names: Object.keys(index), before: false, after: true, missing: [] });
  });

  it('have no link in their README that leads nowhere', () => {
    const readme = readFileSync(join(packed.folder('saturnn'), 'README.md'), 'utf8');
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, path]) => path as string);
    expect(links.length).toBeGreaterThan(4);
    for (const link of links) expect(existsSync(join(packed.folder('saturnn'), link)), link).toBe(true);
  });

  it('satisfy publint, strictly', () => {
    const { status, text } = run(bin('publint'), ['run', '--strict', packed.folder('saturnn')]);
    expect(text).toContain('All good!');
    expect(status).toBe(0);
  });

  it('have types for every way to import them (attw)', () => {
    const archive = packed.archives.find((path) => path.endsWith(`/saturnn-${own.version}.tgz`)) as string;
    const { status, text } = run(bin('attw'), [archive, '--format', 'ascii']);
    expect(text).toContain('No problems found');
    expect(status).toBe(0);
  });

  it('type programs with TypeScript 5.0, without skipLibCheck', async ({ skip }) => {
    const oldest = join(root, 'out/node/typescript/bin/tsc');
    if (!existsSync(oldest) && !isRequired) skip('out/node has no TypeScript 5.0: npm run setup:node');
    const { typeProject, typeWays } = await import(join(root, 'scripts/types/project.mjs'));
    const app = join(folder, 'oldest');
    typeProject(app);
    expect(run(process.execPath, [oldest, '--version']).text).toMatch(/^Version 5\.0\./);
    const { status, text } = run(process.execPath, [oldest, ...typeWays.node16], app);
    expect(text).toBe('');
    expect(status).toBe(0);
  });

  it.each(['nodenext', 'node16', 'preserve'])(
    'type programs of both kinds, and refuse wrong ones (module %s)',
    (module) => {
      const app = installPackages(packed, join(folder, `types-${module}`));
      cpSync(join(root, 'test/types'), app, { recursive: true });
      mkdirSync(join(app, 'node_modules/@types'));
      symlinkSync(join(root, 'node_modules/@types/node'), join(app, 'node_modules/@types/node'));
      // "preserve" resolves files as bundlers do; `import x = require()` is allowed in CommonJS files only.
      const files = module === 'preserve' ? ['--module', module, '--target', 'esnext'] : ['--module', module];
      const { status, text } = run(bin('tsc'), ['-p', join(app, 'tsconfig.json'), ...files]);
      expect(text).toBe('');
      expect(status).toBe(0);
    },
  );
});
