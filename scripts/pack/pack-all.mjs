// `npm run pack:all`: makes the three published packages in out/packages, as folders and as archives. Prints their sizes
// and the oldest system libraries that they run with, and fails if a size or a library version is above its limit.
// Compiles the JavaScript, and the native parts for all GPU architectures, which takes minutes; --built (for tests) takes what
// `npm run build` made in dist/ and out/.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, StageError, stage, startIfMain } from '../stage.mjs';
import { compileTypescript } from '../typescript.mjs';
import { checkFloors, floorsOf, promisedFloors } from './floors.mjs';
import { checkLayout, filesOf, neededLibraries } from './layout.mjs';
import { releaseLibraries } from './release-libraries.mjs';
import { stagePackages } from './stage-packages.mjs';

export const packagesFolder = join(root, 'out', 'packages');

/** Largest allowed size of each archive, in bytes: users wait for these downloads. */
const mostBytes = { saturnn: 1e6, '@saturnn/linux-x64': 13e6, '@saturnn/linux-x64-cuda': 15e6 };

/** Scripts of a manifest that npm runs when it installs a package. */
const installing = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];

/** Checks that npm runs nothing when it installs the package. @throws StageError that lists what npm would run */
export function checkManifest(name, folder, files) {
  const { scripts = {}, gypfile } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const wrong = installing.filter((script) => script in scripts).map((script) => `has the script ${script}`);
  if (gypfile) wrong.push('has "gypfile"');
  if (files.some((file) => file.endsWith('.gyp'))) wrong.push('has a .gyp file, for which npm adds an install script');
  if (wrong.length > 0) throw new StageError(`${name}: ${wrong.join('; ')}`);
}

/** Checks the size of a package's archive, in bytes. @throws StageError if it is above the limit */
export function checkSize(name, size) {
  if (size > mostBytes[name])
    throw new StageError(`${name} has ${size} bytes packed; at most ${mostBytes[name]} are allowed.`);
}

function pack(name, folder) {
  const args = ['pack', folder, '--json', '--ignore-scripts', '--pack-destination', packagesFolder];
  const text = execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  // npm 10 and 11 print an array, npm 12 an object whose keys are names.
  const [{ filename, size, unpackedSize, files }] = Object.values(JSON.parse(text));
  checkSize(name, size);
  return { file: join(packagesFolder, filename), size, unpackedSize, count: files.length };
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;

/** Checks and packs one folder. @returns lines of the report about it */
function finish(name, folder) {
  const files = filesOf(folder);
  checkManifest(name, folder, files);
  checkLayout(folder, files);
  const native = files.filter((file) => neededLibraries(join(folder, file)).length > 0);
  checkFloors(native.map((file) => join(folder, file)));
  const packed = pack(name, folder);
  const lines = native.map((file) => {
    const floors = Object.entries(floorsOf(join(folder, file))).map(([library, version]) => `${library} ${version}`);
    return `    ${file}: needs ${floors.join(', ')}`;
  });
  const sizes = `${megabytes(packed.size)} packed (at most ${megabytes(mostBytes[name])}), ${megabytes(packed.unpackedSize)} unpacked`;
  return [`  ${name}: ${packed.count} files, ${sizes}`, ...lines];
}

/**
 * Makes all packages in out/packages. @returns lines of a report about them
 * @param options `built`: take dist/ and the native parts in out/ as they are: other tests of a run use them at the same time
 */
export async function packAll({ built }) {
  if (!built) await stage('typescript build', () => compileTypescript('tsconfig.build.json'));
  const libraries = await releaseLibraries({ built });
  let report = [];
  await stage('packages', () => {
    const folders = Object.entries(stagePackages(libraries.folder, packagesFolder));
    report = folders.flatMap(([name, folder]) => finish(name, folder));
  });
  const promised = Object.entries(promisedFloors()).map(([library, version]) => `${library} ${version}`);
  return [`${packagesFolder}: these packages must run with ${promised.join(' and ')}`, ...report];
}

await startIfMain(import.meta.url, async (args) => {
  const { values } = parseArgs({ args, options: { built: { type: 'boolean', default: false } } });
  for (const line of await packAll(values)) console.log(line);
});
