// `npm run bundlers`: bundles a program with webpack, Rspack, Rollup and ncc, and one of Next.js with webpack and Turbopack, runs each
// bundle, and says what it printed. Takes minutes; test/package/bundlers.test.ts tries esbuild, Rolldown and @vercel/nft in CI. The
// packages in out/packages are used (npm run pack:all).
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeNextApp, tryNext } from './bundlers/next.mjs';
import { runtimePackages } from './npm-packages.mjs';
import { node, root, StageError, stage, startIfMain } from './stage.mjs';
import { toolsIn } from './tools.mjs';

const { tool, install } = toolsIn('bundlers');
const load = createRequire(tool('bundlers.js'));

const body = `
const chart = { id: 'a', title: 'A', x: { label: 'x' }, y: { label: 'y' }, series: [{ name: 's', points: [[1, 2], [2, 3]] }] };
try {
  console.log(openDevice('cpu').name, chartSvg(chart).length > 1000, typeof table1);
} catch ({ code, message }) {
  console.log(code + ': ' + message);
}`;
const programs = {
  'program.cjs': `const { openDevice, chartSvg } = require('saturnn');\nconst { table1 } = require('saturnn/experiments');${body}`,
  'program.mjs': `import { openDevice, chartSvg } from 'saturnn';\nimport { table1 } from 'saturnn/experiments';${body}`,
};
const works = 'cpu true function';

/** Copies the packages, and what they depend on, into a folder's node_modules. */
function installPackages(app) {
  const modules = join(app, 'node_modules');
  for (const name of ['saturnn', '@saturnn/linux-x64', '@saturnn/linux-x64-cuda'])
    cpSync(join(root, 'out/packages', name), join(modules, name), { recursive: true });
  for (const { path } of runtimePackages()) cpSync(join(root, path), join(app, path), { recursive: true });
}

/** Makes a folder with the programs, in which the packages are installed. */
function makeApp(app) {
  installPackages(app);
  writeFileSync(join(app, 'package.json'), '{ "private": true }');
  for (const [file, text] of Object.entries(programs)) writeFileSync(join(app, file), text);
}

/** The packages that are left external, by name of the way: the advice of README, saturnn's own JavaScript inside, everything inside. */
const ways = { 'saturnn external': [/^@?saturnn/], '@saturnn external': [/^@saturnn\//], 'all inside': [] };

/** Bundles with webpack or Rspack, which have one interface. @returns (resolves to) the path of the bundle */
const likeWebpack = (pack) => (app, target, externals) =>
  new Promise((resolve, reject) => {
    const output = { path: target, filename: 'program.cjs' };
    const options = { mode: 'production', target: 'node', context: app, entry: join(app, 'program.cjs'), output };
    pack({ ...options, externals, externalsType: 'commonjs' }, (error, stats) => {
      const problems = error ? [error] : stats.toJson({ all: false, errors: true }).errors;
      if (problems.length > 0) reject(new Error(problems.map(({ message }) => message).join('\n')));
      else resolve(join(target, 'program.cjs'));
    });
  });

const rollup = (format) => async (app, target, external) => {
  const [resolve, commonjs, json] = ['node-resolve', 'commonjs', 'json'].map((name) => load(`@rollup/plugin-${name}`));
  const plugins = [resolve({ preferBuiltins: true }), commonjs({ ignoreDynamicRequires: true }), json()];
  const input = join(app, 'program.mjs');
  const bundle = await load('rollup').rollup({ input, external, plugins, onwarn() {} });
  const file = join(target, format === 'cjs' ? 'program.cjs' : 'program.mjs');
  await bundle.write({ file, format, inlineDynamicImports: true });
  return file;
};

const ncc = (app, target) => {
  execFileSync(node, [tool('@vercel/ncc/dist/ncc/cli.js'), 'build', join(app, 'program.cjs'), '-o', target, '-q'], {
    stdio: 'pipe',
  });
  return join(target, 'index.cjs');
};

const bundlers = {
  webpack: likeWebpack((...args) => load('webpack')(...args)),
  rspack: likeWebpack((...args) => load('@rspack/core').rspack(...args)),
  'rollup cjs': rollup('cjs'),
  'rollup esm': rollup('es'),
};

/** Bundles and runs. @returns whether it worked; what did not is printed */
async function tryOne(title, make) {
  let said;
  try {
    const { SATURNN_BINARY: _, ...env } = process.env;
    const { stdout, stderr } = spawnSync(node, [await make()], { encoding: 'utf8', env });
    said = (stdout + stderr).trim();
  } catch (error) {
    said = error.message;
  }
  say(title, said === works ? null : said);
  return said === works;
}

function say(title, problem) {
  console.log(`${title.padEnd(32)} ${problem === null ? 'works' : `FAILED: ${problem}`}`);
}

await startIfMain(import.meta.url, async () => {
  await stage('bundlers', install);
  const app = mkdtempSync(join(tmpdir(), 'saturnn-bundlers-'));
  const results = [];
  try {
    makeApp(app);
    for (const [name, bundle] of Object.entries(bundlers)) {
      for (const [way, external] of Object.entries(ways)) {
        const target = join(app, 'bundles', String(results.length));
        mkdirSync(dirname(target), { recursive: true });
        results.push(await tryOne(`${name}, ${way}`, () => bundle(app, target, external)));
      }
    }
    // In a folder of its own: ncc has copied the libraries.
    results.push(await tryOne('ncc', () => ncc(app, join(app, 'bundles/ncc'))));
    const next = join(app, 'next');
    makeNextApp(next, installPackages);
    for (const bundler of ['webpack', 'turbopack']) {
      const problem = await tryNext(next, bundler).catch(({ message, stdout }) => `${message}\n${stdout ?? ''}`);
      say(`Next.js with ${bundler}`, problem);
      results.push(problem === null);
    }
  } finally {
    rmSync(app, { recursive: true, force: true });
  }
  const failed = results.filter((worked) => !worked).length;
  if (failed > 0) throw new StageError(`${failed} of ${results.length} bundles do not work.`);
});
