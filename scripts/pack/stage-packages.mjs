// Makes the folders of the three published packages. npm packs them, and the tests of the loader copy from them.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addon, libraryOf } from '../native-files.mjs';
import { copyLibraries, ownerOf } from '../shared-libraries.mjs';
import { root } from '../stage.mjs';
import { joinJavascript } from './join-javascript.mjs';
import { experimentsManifest, mainManifest, platformManifest, platformPackages } from './manifests.mjs';
import { besideBackend, commonLicences, cudaLicences, writeCommonNotices, writeCudaNotices } from './notices.mjs';
import { writeSbom } from './sbom.mjs';

const [common, cuda] = Object.keys(platformPackages);

/**
 * JavaScript, types, and the sources that `saturnn build` compiles. Not binding.gyp: npm would add an install script for
 * it.
 */
const mainFiles = ['dist', 'native', 'cmake', 'CMakeLists.txt', 'examples', 'CHANGELOG.md', 'LICENSE'];

const write = (folder, file, text) => writeFileSync(join(folder, file), text);
const writeManifest = (folder, manifest) => write(folder, 'package.json', `${JSON.stringify(manifest, null, 2)}\n`);

function begin(packages, manifest) {
  const folder = join(packages, manifest.name);
  mkdirSync(folder, { recursive: true });
  writeManifest(folder, manifest);
  return folder;
}

function stageMain(packages) {
  const folder = begin(packages, mainManifest());
  for (const file of mainFiles) cpSync(join(root, file), join(folder, file), { recursive: true });
  joinJavascript(join(folder, 'dist'));
  mkdirSync(join(folder, 'experiments'));
  writeManifest(join(folder, 'experiments'), experimentsManifest);
  mkdirSync(join(folder, 'docs'));
  for (const file of readdirSync(join(root, 'docs')).filter((name) => /\.(md|svg)$/.test(name)))
    cpSync(join(root, 'docs', file), join(folder, 'docs', file));
  write(folder, 'README.md', withoutDeadLinks(readFileSync(join(root, 'README.md'), 'utf8'), folder));
}

/** Turns links of Markdown `text` to files that are not in the package `folder` into plain text. */
const withoutDeadLinks = (text, folder) =>
  text.replaceAll(/(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)]+)\)/g, (link, words, path) =>
    existsSync(join(folder, path)) ? link : words,
  );

/**
 * Text of files.js, the main file of a platform package: its version and the paths of its libraries. Programs that collect the
 * files that another program needs (@vercel/nft, Next.js, ncc) understand calls of join() with __dirname.
 */
export const filesModule = (files) => `'use strict';
const { join } = require('node:path');

exports.version = require('./package.json').version;
exports.files = {
${files.map((file) => `  '${file}': join(__dirname, '${file}'),`).join('\n')}
};
`;

function stagePlatform(packages, manifest, libraries, files) {
  const folder = begin(packages, manifest);
  for (const file of files) cpSync(join(libraries, file), join(folder, file));
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const readme = `${manifest.description}.\n\nInstalled with [saturnn](https://www.npmjs.com/package/saturnn); not to be used by itself.\n`;
  write(folder, 'README.md', `# ${manifest.name}\n\n${readme}`);
  return folder;
}

/**
 * Makes the package folders below `packages`, which is emptied first. @returns the path of each, by name of the package
 * @param libraries folder with the stripped saturnn.node, libsaturnn_cpu.so and libsaturnn_cuda.so
 */
export function stagePackages(libraries, packages) {
  rmSync(packages, { recursive: true, force: true });
  stageMain(packages);
  const own = [addon, libraryOf('cpu')];
  const folder = stagePlatform(packages, platformManifest(common, commonLicences), libraries, own);
  // Libraries that a bare system lacks. The C++ library is not among them, because Node.js needs it too.
  const copied = copyLibraries(
    own.map((file) => join(libraries, file)),
    folder,
    besideBackend,
  );
  write(folder, 'files.js', filesModule([...own, ...copied.map(({ soname }) => soname)]));
  writeCommonNotices(folder, Object.fromEntries(copied.map(({ soname, path }) => [soname, ownerOf(path)])));
  const cudaFolder = stagePlatform(packages, platformManifest(cuda, cudaLicences), libraries, [libraryOf('cuda')]);
  write(cudaFolder, 'files.js', filesModule([libraryOf('cuda')]));
  writeCudaNotices(cudaFolder);
  const folders = Object.fromEntries(['saturnn', common, cuda].map((name) => [name, join(packages, name)]));
  for (const each of Object.values(folders)) writeSbom(each);
  return folders;
}
