// `npm run check:package [FOLDER...]`: what npm would publish, and the libraries in out/ (or in the folders given), hold
// nothing of NVIDIA's and need nothing of it to be loaded.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkLayout, neededLibraries } from './package-layout.mjs';
import { root, StageError, startIfMain } from './stage.mjs';

/** Without running the package's scripts. */
function publishedFiles() {
  const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ files, size }] = JSON.parse(text);
  return { names: files.map(({ path }) => path), size };
}

/** The release layout in a build's folder; what tests and CMake leave there is not part of it. */
const librariesIn = (folder) => readdirSync(folder).filter((name) => /\.(so|node|h)(\.|$)/.test(name));

await startIfMain(import.meta.url, (args) => {
  const { names, size } = publishedFiles();
  if (!names.includes('dist/index.js')) throw new StageError('dist/ is not built. Remedy: npm run build:ts');
  checkLayout(root, names);
  console.log(`npm package: ${names.length} files, ${size} bytes packed`);

  const out = join(root, 'out');
  if (args.length === 0) {
    for (const name of checkLayout(out, librariesIn(out))) {
      console.log(`out/${name} needs ${neededLibraries(join(out, name)).join(', ')}`);
    }
  }
  for (const folder of args) console.log(`${folder}: ${checkLayout(resolve(folder)).length} files`);
  console.log("nothing of NVIDIA's is among them, and nothing needs it to be loaded");
});
