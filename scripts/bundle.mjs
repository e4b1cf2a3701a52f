// `npm run bundle`: one folder that runs on an x86-64 host with nothing but glibc (Debian 12's or newer), packed with
// xz. It holds Node.js, the compiled scripts, the addon, the backends and every library that these need.
// --no-pack leaves the archive out.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { copyNpmPackages } from './bundle-npm.mjs';
import { checkLayout } from './pack/layout.mjs';
import { setup } from './setup.mjs';
import { checkLibraries, copyLibraries, copyLicence } from './shared-libraries.mjs';
import { node, root, run, StageError, stage, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

const limit = 40e6;
const name = 'saturnn-linux-x64';
const folder = join(root, 'bundle', name);
const archive = `${folder}.tar.xz`;
const { version, description, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const readme = `saturnn ${version} for x86-64 Linux with glibc 2.36 or newer. Nothing is installed, nothing is downloaded.

  ./gpu-check --json FILE    is this GPU right, and is it fast? In under nine minutes: conformance, parity with the
                             CPU, kernels, steps, PyTorch beside them (python3 with torch, if there is one)
  ./gpu-check --only NAME    one section of it, with all the time (--budget SECONDS); --train FOLDER: real CIFAR-100
  ./saturnn doctor           what loads here, what does not, and why
  ./saturnn --help           every command
`;

const launcher = (script, purpose) => `#!/bin/sh
# ${purpose}
here=$(cd "$(dirname "$0")" && pwd)
# The host's own libstdc++ is preferred; ours is for a host without one.
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

/** Copies a program or library of ours without its debug symbols. */
function copyStripped(source, target) {
  cpSync(source, target, { dereference: true });
  execFileSync('strip', ['--strip-unneeded', target]);
  chmodSync(target, 0o755);
}

function assemble() {
  rmSync(join(root, 'bundle'), { recursive: true, force: true });
  mkdirSync(join(folder, 'out'), { recursive: true });

  const own = readdirSync(join(root, 'out')).filter((file) => /^saturnn\.node$|^libsaturnn_.*\.so$/.test(file));
  for (const file of own) copyStripped(join(root, 'out', file), join(folder, 'out', file));
  copyStripped(node, join(folder, 'node'));
  copyLicence(node, join(folder, 'licences'));
  const libraries = copyLibraries([node, ...own.map((file) => join(root, 'out', file))], join(folder, 'out'));
  for (const { path } of libraries) copyLicence(path, join(folder, 'licences'));

  cpSync(join(root, 'dist-bundle'), join(folder, 'dist-bundle'), { recursive: true });
  // What PyTorch is compared with: it reads these where it finds them in the repository.
  for (const file of ['bench/compare/pytorch_gpu.py', 'test/pytorch/network.py'])
    cpSync(join(root, file), join(folder, file));
  copyNpmPackages(folder);
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  write(
    'package.json',
    `${JSON.stringify({ name: 'saturnn', version, description, license, private: true }, null, 2)}\n`,
  );
  write('README.txt', readme);
  write('gpu-check', launcher('bench/gpu-check.js', 'Is this GPU right, and is it fast?'), 0o755);
  write('saturnn', launcher('lib/cli/main.js', 'The saturnn command.'), 0o755);
  checkLibraries(
    own.map((file) => join(folder, 'out', file)),
    folder,
  );
  checkLayout(folder);
  return `${own.join(', ')}, Node.js ${process.versions.node}`;
}

async function pack() {
  // Two threads and the filter for x86 code: within 2% of -9e, in a third of the time.
  const command = `tar -C "$0" --owner=0 --group=0 -cf - "$1" | xz -T2 --x86 --lzma2=preset=6 > "$2"`;
  await run('pack', 'bash', ['-o', 'pipefail', '-c', command, join(root, 'bundle'), name, archive], {
    remedy: 'apt-get install tar xz-utils',
  });
  const { size } = statSync(archive);
  if (size > limit) throw new StageError(`${basename(archive)} has ${size} bytes; at most ${limit} are allowed.`);
  return `${(size / 1e6).toFixed(1)} MB`;
}

await startIfMain(import.meta.url, async (args) => {
  await setup();
  await stage('bundle scripts', () => compileTypescript('tsconfig.bundle.json'));
  if (!existsSync(join(root, 'dist-bundle', 'bench', 'gpu-check.js')))
    throw new StageError('bench/gpu-check.ts is missing');
  await stage('bundle', assemble);
  if (!args.includes('--no-pack')) await stage('pack', pack);
  console.log(`\n${args.includes('--no-pack') ? folder : archive}`);
});
