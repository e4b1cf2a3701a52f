// `npm run pack:offline`: makes the published packages and puts them, everything they depend on, Node.js and npm into one
// archive. With it, saturnn can be installed as users install it, on a host without Node.js or network. --built: see
// pack-all.mjs.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { copyStripped } from '../native-files.mjs';
import { runtimePackages } from '../npm-packages.mjs';
import { copyLicence } from '../shared-libraries.mjs';
import { node, root, StageError, stage, startIfMain } from '../stage.mjs';
import { packFolder } from './archive.mjs';
import { packAll, packagesFolder } from './pack-all.mjs';

const folder = join(root, 'out', 'saturnn-offline');

const script = `#!/bin/sh
# ./install.sh [DEVICE]: installs saturnn into app/ from the archives in packages/ alone, shows what works, and trains for one epoch.
set -e
here=$(cd "$(dirname "$0")" && pwd)
export PATH="$here/bin:$PATH" npm_config_cache="$here/cache"
mkdir -p "$here/app"
cd "$here/app"
echo '{ "private": true }' > package.json
npm install --offline --no-audit --no-fund "$here"/packages/*.tgz
npx saturnn doctor || true
npx saturnn train --data generated --width 0.25 --activation scaledSigmoid --lr 0.03 --batch 32 --epochs 1 --out runs/first --device "\${1:-auto}"
`;

/** Lists the packages that saturnn needs at run time, from the lock file, as name@version. */
function dependencies() {
  const needed = runtimePackages();
  // install.sh installs all archives into one node_modules folder.
  if (new Set(needed.map(({ name }) => name)).size < needed.length)
    throw new StageError(
      'package-lock.json has two versions of one dependency, but the offline archive can hold only one.',
    );
  return needed.map(({ name, version }) => `${name}@${version}`);
}

function assemble() {
  rmSync(folder, { recursive: true, force: true });
  const [bin, packages] = ['bin', 'packages'].map((part) => join(folder, part));
  for (const each of [bin, packages]) mkdirSync(each, { recursive: true });
  for (const archive of readdirSync(packagesFolder).filter((file) => file.endsWith('.tgz')))
    cpSync(join(packagesFolder, archive), join(packages, archive));
  const needed = dependencies();
  execFileSync('npm', ['pack', ...needed, '--pack-destination', packages, '--silent'], { stdio: 'pipe' });

  copyStripped(node, join(bin, 'node'));
  copyLicence(node, join(folder, 'licences'));
  // The command npm is a link to npm/bin/npm-cli.js.
  const npm = dirname(dirname(realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim())));
  cpSync(npm, join(folder, 'npm'), { recursive: true, dereference: true });
  for (const program of ['npm', 'npx']) {
    const text = `#!/bin/sh\nexec "$(dirname "$0")/node" "$(dirname "$0")/../npm/bin/${program}-cli.js" "$@"\n`;
    writeFileSync(join(bin, program), text);
    chmodSync(join(bin, program), 0o755);
  }
  writeFileSync(join(folder, 'install.sh'), script);
  chmodSync(join(folder, 'install.sh'), 0o755);
  return `${needed.length} dependencies`;
}

async function pack() {
  const { bytes } = await packFolder(folder, '-T2 -6');
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

await startIfMain(import.meta.url, async (args) => {
  const { values } = parseArgs({ args, options: { built: { type: 'boolean', default: false } } });
  for (const line of await packAll(values)) console.log(line);
  await stage('offline folder', assemble);
  await stage('pack', pack);
  console.log(`\n${folder}.tar.xz`);
});
