// Everything between a fresh clone and a program that runs. `npm start` and `npm test` begin with it; what is there
// already is left alone.
import { linkCompileCommands, nativeBuildCommands } from './build-native.mjs';
import { npmPackages } from './npm-packages.mjs';
import { node, run, StageError, stage, startIfMain } from './stage.mjs';
import { systemPackages } from './system-packages.mjs';
import { compileTypescript } from './typescript.mjs';

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new StageError(`Node.js >= 20.19 is needed; this is ${process.versions.node} (${node}).`);
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
