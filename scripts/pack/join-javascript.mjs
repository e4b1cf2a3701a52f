// Joins the package's JavaScript files, more than 300, into two, the library and the command. Finding and reading files is most of
// the time of require('saturnn'). Inside the library, a module still runs when it is first required, and an entry requires
// a module when one of its names is first used: a program pays for what it uses, and the package's two entries share modules.
// bench/results/install.json has the times. Type declarations are not joined.
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import esbuild from 'esbuild';
import { root, StageError } from '../stage.mjs';

/** Modules that "exports" of package.json names. */
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
  // Without indentation and comments, which are a tenth of the packed package. Names stay, and lines, for stack traces.
  minifyWhitespace: true,
  lineLimit: 120,
};

/** Joins the files of `dist`, a copy of the compiler's output, in place. */
export function joinJavascript(dist) {
  for (const entry of entries) {
    const file = join(dist, `${entry}.js`);
    writeFileSync(file, withLazyModules(readFileSync(file, 'utf8')));
  }
  const contents = entries.map((entry) => `exports['${entry}'] = () => require('./${entry}.js');`).join('\n');
  const build = (what, file) =>
    esbuild.buildSync({ ...options, ...what, outfile: join(dist, file), allowOverwrite: true });
  build({ stdin: { contents, resolveDir: dist } }, library);
  build({ entryPoints: [join(dist, command)] }, command);
  for (const file of [library, command]) {
    const text = readFileSync(join(dist, file), 'utf8');
    writeFileSync(join(dist, file), withClassNames(text));
  }
  chmodSync(join(dist, command), 0o755);
  const kept = [library, command];
  for (const file of readdirSync(dist, { recursive: true }))
    if (file.endsWith('.js') && !kept.includes(file)) rmSync(join(dist, file));
  for (const entry of entries) writeFileSync(join(dist, `${entry}.js`), entryText(entry));
}

/**
 * Gives classes their names back: esbuild writes "var Graph=class _Graph" where a class mentions itself, and messages and
 * util.inspect() would show that name. Its option keepNames adds a call for each of a thousand functions.
 */
export function withClassNames(text) {
  const names = [...text.matchAll(/\bvar (\w+)\s*=\s*class _\1\b/g)].map(([, name]) => name);
  const named = names.reduce((all, name) => all.replaceAll(new RegExp(`\\b_${name}\\b`, 'g'), name), text);
  const [left] = named.match(/\bclass _\w+/) ?? [];
  if (left) throw new StageError(`esbuild has renamed a class in another way than expected: ${left}`);
  return named;
}

/**
 * Makes an entry, as TypeScript has compiled it, require each module when a name of that module is first read. Modules
 * re-exported by `export *` are still required at once: only they know their names.
 */
export function withLazyModules(text) {
  const modules = new Map();
  const getter = (name, value) =>
    `Object.defineProperty(exports, "${name}", { enumerable: true, get: function () { return ${value}; } });`;
  const lazy = text
    .replaceAll(/^var (\w+) = (require\("[^"]+"\));$/gm, (_, variable, load) => {
      modules.set(variable, load);
      return '';
    })
    .replaceAll(/^exports\.(\w+) = __importStar\((require\("[^"]+"\))\);$/gm, (_, name, load) => getter(name, load))
    .replaceAll(
      /\breturn (\w+)\.(\w+); } }\);$/gm,
      (_, variable, name) => `return ${modules.get(variable)}.${name}; } });`,
    );
  const [eager] = lazy.match(/^.*(?<!__exportStar\()(?<!return )\brequire\(.*$/m) ?? [];
  if (eager || lazy.includes('return undefined.'))
    throw new StageError(`TypeScript has compiled an entry in another way than expected: ${eager ?? 'unknown module'}`);
  return lazy;
}

/** Text of the file of an entry: it loads the library's module of that name. */
function entryText(entry) {
  const up = '../'.repeat(entry.split('/').length - 1) || './';
  const names = Object.keys(createRequire(import.meta.url)(join(root, 'dist', `${entry}.js`)));
  // The second line never does anything. Node reads it to learn which names `import` can take from this CommonJS module.
  return `module.exports = require('${up}${library}')['${entry}']();\n0 && (module.exports = { ${names.join(', ')} });\n`;
}
