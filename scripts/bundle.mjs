// `npm run bundle`: makes one folder that runs on any x86-64 host with glibc 2.36 (Debian 12) or newer, and packs it with
// xz. The folder holds Node.js, the compiled scripts, the addon, the backends and every library that these need.
// --no-pack makes the folder without the archive.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { copyNpmPackages } from './bundle-npm.mjs';
import { copyStripped, isNativeFile } from './native-files.mjs';
import { packFolder } from './pack/archive.mjs';
import { checkLayout } from './pack/layout.mjs';
import { setup } from './setup.mjs';
import { checkLibraries, copyLibraries, copyLicence } from './shared-libraries.mjs';
import { node, root, StageError, stage, startIfMain } from './stage.mjs';
import { compiledBench, compileTypescript } from './typescript.mjs';

/** Largest allowed size of the archive, in bytes. */
const limit = 40e6;
const folder = join(root, 'bundle', 'saturnn-linux-x64');
const { version, description, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const readme = `saturnn ${version} for x86-64 Linux with glibc 2.36 or newer. It runs from this folder and downloads nothing.

  ./gpu-check --json FILE    checks that this GPU computes correctly and measures its speed, in under nine minutes:
                             conformance, parity with the CPU, training steps, kernels, and the same steps in PyTorch
                             (if python3 has torch)
  ./gpu-check --only NAME    runs one section with the whole time (--budget SECONDS); --train FOLDER trains on CIFAR-100
  ./saturnn doctor           shows which parts load here, which do not, and why
  ./saturnn --help           lists all commands
`;

/** Text of a shell script that runs `script`, a path below dist-bundle, with the bundle's own Node.js. */
const launcher = (script, purpose) => `#!/bin/sh
# ${purpose}
here=$(cd "$(dirname "$0")" && pwd)
# Uses the libstdc++ of this bundle only if the host's cannot start Node.js.
if ! "$here/node" --version >/dev/null 2>&1; then
  LD_LIBRARY_PATH="$here/out\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export LD_LIBRARY_PATH
fi
exec "$here/node" "$here/dist-bundle/${script}" "$@"
`;

function write(file, text, mode = 0o644) {
  writeFileSync(join(folder, file), text);
  chmodSync(join(folder, file), mode);
}

function assemble() {
  rmSync(join(root, 'bundle'), { recursive: true, force: true });
  mkdirSync(join(folder, 'out'), { recursive: true });

  const own = readdirSync(join(root, 'out')).filter(isNativeFile);
  for (const file of own) copyStripped(join(root, 'out', file), join(folder, 'out', file));
  copyStripped(node, join(folder, 'node'));
  copyLicence(node, join(folder, 'licences'));
  const libraries = copyLibraries([node, ...own.map((file) => join(root, 'out', file))], join(folder, 'out'));
  for (const { path } of libraries) copyLicence(path, join(folder, 'licences'));

  cpSync(join(root, 'dist-bundle'), join(folder, 'dist-bundle'), { recursive: true });
  // bench/check/pytorch.ts starts this program, which finds network.py by the same relative path as in the repository.
  for (const file of ['bench/compare/pytorch_gpu.py', 'test/pytorch/network.py'])
    cpSync(join(root, file), join(folder, file));
  copyNpmPackages(folder);
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  write(
    'package.json',
    `${JSON.stringify({ name: 'saturnn', version, description, license, private: true }, null, 2)}\n`,
  );
  write('README.txt', readme);
  write(
    'gpu-check',
    launcher('bench/gpu-check.js', 'Checks that this GPU computes correctly, and measures its speed.'),
    0o755,
  );
  write('saturnn', launcher('lib/cli/main.js', 'The saturnn command.'), 0o755);
  checkLibraries(
    own.map((file) => join(folder, 'out', file)),
    folder,
  );
  checkLayout(folder);
  return `${own.join(', ')}, Node.js ${process.versions.node}`;
}

async function pack() {
  // These options give an archive within 2% of the size of -9e in a third of the time.
  const { archive, bytes } = await packFolder(folder, '-T2 --x86 --lzma2=preset=6');
  if (bytes > limit)
    throw new StageError(`Expected at most ${limit} bytes for ${basename(archive)} but it has ${bytes}.`);
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

await startIfMain(import.meta.url, async (args) => {
  await setup();
  await stage('bundle scripts', () => compileTypescript('tsconfig.bundle.json'));
  if (!existsSync(compiledBench('gpu-check')))
    throw new StageError('The compiler made no dist-bundle/bench/gpu-check.js. Is bench/gpu-check.ts missing?');
  await stage('bundle', assemble);
  if (!args.includes('--no-pack')) await stage('pack', pack);
  console.log(`\n${args.includes('--no-pack') ? folder : `${folder}.tar.xz`}`);
});
