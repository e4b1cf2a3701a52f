// `npm run setup`: does everything that a fresh clone needs before the program runs: system packages, npm packages, the native
// build and the TypeScript build. `npm start` and `npm test` begin with it. Steps that are done already are skipped.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { linkCompileCommands, nativeBuildCommands } from './build-native.mjs';
import { npmPackages } from './npm-packages.mjs';
import { node, root, run, StageError, stage, startIfMain } from './stage.mjs';
import { systemPackages } from './system-packages.mjs';
import { compileTypescript } from './typescript.mjs';

/** @throws StageError if this Node.js is older than `engines` of package.json allows */
function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [, oldest] = /^>=(\d+\.\d+)$/.exec(engines.node);
  const numbers = (version) => version.split('.').map(Number);
  const [[major, minor], [oldestMajor, oldestMinor]] = [process.versions.node, oldest].map(numbers);
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new StageError(`Expected Node.js ${oldest} or newer but found ${process.versions.node} (${node}).`);
  }
}

async function nativeBuild() {
  for (const [command, args] of nativeBuildCommands()) {
    await run(`native ${args[1]}`, command, args, { remedy: 'rm -rf out, then start again' });
  }
  linkCompileCommands();
}

export async function setup() {
  checkNode();
  await stage('system packages', systemPackages);
  await stage('npm packages', npmPackages);
  await stage('native build', nativeBuild);
  await stage('typescript build', () => compileTypescript('tsconfig.build.json'));
}

await startIfMain(import.meta.url, setup);
