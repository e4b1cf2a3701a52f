// Two files of JavaScript instead of 250: the library and the command. require('saturnn') spends its time on finding and reading
// files: it took 124 ms where it now takes 52 (bench/results/install.json). In the library, modules keep their closures and are run
// when they are first required, so that the two entries share what they have in common and load no more than they need. Types stay
// as they are.
import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import esbuild from 'esbuild';
import { root } from '../stage.mjs';

/** What package.json names in "exports". */
const entries = ['index', 'experiments/index'];
const library = 'library.js';
const command = 'cli/main.js';

const options = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
};

/** `dist`: a copy of what the compiler gave; changed in place. */
export function joinJavascript(dist) {
  const contents = entries.map((entry) => `exports['${entry}'] = () => require('./${entry}.js');`).join('\n');
  const build = (what, file) =>
    esbuild.buildSync({ ...options, ...what, outfile: join(dist, file), allowOverwrite: true });
  build({ stdin: { contents, resolveDir: dist } }, library);
  build({ entryPoints: [join(dist, command)] }, command);
  chmodSync(join(dist, command), 0o755);
  const kept = [library, command];
  for (const file of readdirSync(dist, { recursive: true }))
    if (file.endsWith('.js') && !kept.includes(file)) rmSync(join(dist, file));
  for (const entry of entries) writeFileSync(join(dist, `${entry}.js`), entryText(entry));
}

function entryText(entry) {
  const up = '../'.repeat(entry.split('/').length - 1) || './';
  const names = Object.keys(createRequire(import.meta.url)(join(root, 'dist', `${entry}.js`)));
  // Never run: it tells Node, which reads a file before it runs it, the names for `import`.
  return `module.exports = require('${up}${library}')['${entry}']();\n0 && (module.exports = { ${names.join(', ')} });\n`;
}
