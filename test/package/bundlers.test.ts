/**
 * Programs that esbuild or rolldown has bundled, or whose files @vercel/nft has collected (as Next.js and Vercel do), and packages
 * inside an archive of Electron's. `npm run bundlers` tries more bundlers.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';
import { temporaryFolder } from '../temporary';
import { installPackages, isRequired, type Packed, packedPackages, whyNotPacked } from './packed';

const folder = temporaryFolder();
const reason = whyNotPacked();
let packed: Packed;
/** A folder with a program, in which the packages are installed. */
let app: string;

interface Tracer {
  nodeFileTrace(
    files: readonly string[],
    options: { base: string },
  ): Promise<{ fileList: ReadonlySet<string>; warnings: ReadonlySet<Error> }>;
}

/** Prints the device, and the number of figures of a report; or the code and message of the error. */
const body = `
  const chart = { id: 'a', title: 'A', x: { label: 'x' }, y: { label: 'y' }, series: [{ name: 's', points: [[1, 2], [2, 3]] }] };
  const page = { title: 'T', lead: '', tables: [], charts: [chart], settings: {} };
  const say = (call) => { try { return call(); } catch ({ code, message }) { return code + ': ' + message; } };
  console.log(say(() => openDevice('cpu').name), '|', chartSvg(chart).length > 1000, typeof table1);
  if (process.argv[2]) console.log(say(() => writeReport(process.argv[2], page).figures.length));`;

const programs = {
  'program.cjs': `const { openDevice, chartSvg, writeReport } = require('saturnn');
    const { table1 } = require('saturnn/experiments'); ${body}`,
  'program.mjs': `import { openDevice, chartSvg, writeReport } from 'saturnn';
    import { table1 } from 'saturnn/experiments'; ${body}`,
};

/** Runs a program. @returns what it prints, in lines */
function run(program: string, ...args: string[]): string[] {
  const { SATURNN_BINARY: _, ...env } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env });
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}

async function withEsbuild(format: 'cjs' | 'esm', outfile: string, options: BuildOptions): Promise<string> {
  const { warnings } = await build({
    ...{ bundle: true, platform: 'node', format, outfile, logLevel: 'silent', ...options },
    entryPoints: [join(app, format === 'cjs' ? 'program.cjs' : 'program.mjs')],
  });
  expect(warnings).toEqual([]);
  return outfile;
}

async function withRolldown(format: 'cjs' | 'esm', file: string, external: RegExp[]): Promise<string> {
  const { rolldown } = await import('rolldown');
  const warnings: string[] = [];
  const onLog = (level: string, { message }: { message: string }) => void warnings.push(`${level}: ${message}`);
  const bundle = await rolldown({ input: join(app, 'program.mjs'), platform: 'node', external, onLog });
  await bundle.write({ file, format });
  await bundle.close();
  expect(warnings).toEqual([]);
  return file;
}

const works = 'cpu | true function';

describe.skipIf(reason !== undefined && !isRequired)(`programs in other places${reason ? ` (${reason})` : ''}`, () => {
  beforeAll(() => {
    packed = packedPackages();
    app = installPackages(packed, join(folder, 'app'));
    for (const [file, text] of Object.entries(programs)) writeFileSync(join(app, file), text);
  });

  it('run from the files that @vercel/nft collects, and write reports', async () => {
    // Not imported: only this test needs it, and the type check should not.
    const { nodeFileTrace } = require('@vercel/nft') as Tracer;
    const { fileList, warnings } = await nodeFileTrace([join(app, 'program.cjs')], { base: '/' });
    // The packages that a program needs only for pictures are not installed here; where they are, they are collected.
    const missing = [...warnings].map(({ message }) => /^Failed to resolve dependency "([^"]+)":/.exec(message)?.[1]);
    const { peerDependencies } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
    expect(missing.sort()).toEqual(Object.keys(peerDependencies).sort());
    const away = join(folder, 'traced');
    // The links to the dependencies are listed as well.
    for (const file of [...fileList].filter((path) => statSync(join('/', path)).isFile())) {
      const to = join(away, file.replace(/^(.*\/)?node_modules\//, 'node_modules/').replace(/^.*\/(?=program)/, ''));
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join('/', file), to, { dereference: true });
    }
    expect(run(join(away, 'program.cjs'), join(away, 'report'))).toEqual([works, '1']);
  });

  it.each([
    ['cjs', ['@saturnn/*']],
    ['cjs', ['saturnn', '@saturnn/*']],
    ['esm', ['saturnn', '@saturnn/*']],
  ] as const)('are bundled by esbuild (%s, without %j)', async (format, external) => {
    const file = join(app, `esbuild-${external.length}.${format === 'cjs' ? 'cjs' : 'mjs'}`);
    expect(run(await withEsbuild(format, file, { external: [...external] }), join(app, 'report'))).toEqual([
      works,
      '1',
    ]);
  });

  it.each([
    ['cjs', [/^@saturnn\//]],
    ['esm', [/^@saturnn\//]],
    ['esm', [/^@?saturnn/]],
  ] as const)('are bundled by rolldown (%s, without %j)', async (format, external) => {
    const file = join(app, `rolldown-${external}.${format === 'cjs' ? 'cjs' : 'mjs'}`.replaceAll(/[^\w.-]/g, ''));
    expect(run(await withRolldown(format, file, [...external]), join(app, 'report'))).toEqual([works, '1']);
  });

  it('say what to leave external, where everything is in the bundle and nothing is installed', async () => {
    const away = join(folder, 'alone');
    // A host may have packages above its folder for temporary files: this one is found first.
    mkdirSync(join(away, 'node_modules/echarts'), { recursive: true });
    writeFileSync(join(away, 'node_modules/echarts/package.json'), JSON.stringify({ name: 'echarts', exports: {} }));
    const [device, report] = run(await withEsbuild('cjs', join(away, 'program.cjs'), {}), join(away, 'report'));
    expect(device).toContain(`ERR_BINARY_NOT_FOUND: saturnn.node was not found. Tried: ${away}/saturnn.node.`);
    expect(device).toContain('Leave saturnn and @saturnn/* external');
    // Charts are drawn; the page needs the text of the library.
    expect(device).toContain('| true function');
    expect(report).toMatch(/^ERR_PACKAGE: A report needs the file echarts\/.*npm install echarts/);

    // The other remedy that the message names.
    cpSync(packed.folder('@saturnn/linux-x64'), away, { recursive: true });
    expect(run(join(away, 'program.cjs'))).toEqual([works]);
  });

  it('find the libraries beside an archive of Electron, which JavaScript alone can look into', () => {
    const archive = join(folder, 'electron/app.asar');
    const unpacked = `${archive}.unpacked/node_modules/@saturnn/linux-x64`;
    cpSync(app, archive, { recursive: true });
    mkdirSync(dirname(unpacked), { recursive: true });
    const inside = join(archive, 'node_modules/@saturnn/linux-x64');
    const message = run(join(archive, 'program.cjs'))[0];
    expect(message).toContain(`ERR_BINARY_NOT_FOUND: saturnn.node was not found. Tried: ${archive}/`);
    expect(message).toContain("leave '**/node_modules/@saturnn/**' out of the archive (asarUnpack)");
    renameSync(inside, unpacked);
    // Electron shows the files that are not packed in the archive, too.
    mkdirSync(inside);
    for (const file of ['package.json', 'files.js']) cpSync(join(unpacked, file), join(inside, file));
    expect(run(join(archive, 'program.cjs'))).toEqual([works]);
  });

  it('say why a package that is installed does not load', () => {
    const broken = join(folder, 'broken');
    cpSync(app, broken, { recursive: true });
    const file = join(broken, 'node_modules/@saturnn/linux-x64/files.js');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\nthrow new Error('no luck');`);
    expect(run(join(broken, 'program.cjs'))[0]).toContain('@saturnn/linux-x64 (does not load: no luck)');
    rmSync(file);
    expect(run(join(broken, 'program.cjs'))[0]).toMatch(/\(does not load: Cannot find module '.*files\.js'/);
  });
});
