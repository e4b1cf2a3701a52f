// Joins the package's JavaScript files, more than 300, into three: the library, the experiments and the command. Finding and reading
// files is most of the time of require('saturnn'). Inside these files a module still runs when it is first required, and an entry
// requires a module when one of its names is first used: a program pays for what it uses. Each module is in one of them only, from
// which the later ones take it. bench/results/install.json has the times. Type declarations are not joined.
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import esbuild from 'esbuild';
import { root, StageError } from '../stage.mjs';

/** The joined files, and the module from which each begins. A file also takes modules of those before it. */
const joined = { 'library.js': 'index', 'experiments.js': 'experiments/index', 'cli/main.js': 'cli/main' };
const command = 'cli/main.js';
/** Modules that "exports" of package.json names, and the joined files that have them. */
const entries = Object.entries(joined).filter(([file]) => file !== command);

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
  for (const [, entry] of entries) {
    const file = join(dist, `${entry}.js`);
    writeFileSync(file, withLazyModules(readFileSync(file, 'utf8')));
  }
  for (const [file, entry] of Object.entries(joined)) joinFrom(dist, entry, file);
  chmodSync(join(dist, command), 0o755);
  for (const file of readdirSync(dist, { recursive: true }))
    if (file.endsWith('.js') && !(file in joined)) rmSync(join(dist, file));
  for (const [file, entry] of entries) writeFileSync(join(dist, `${entry}.js`), entryText(file, entry));
}

/** Joins a module and what it requires. In place of each of them it leaves a file that takes the module from the joined file. */
function joinFrom(dist, entry, file) {
  const build = (what) =>
    esbuild.buildSync({ ...options, ...what, absWorkingDir: dist, outfile: file, write: false, metafile: true });
  const start = { entryPoints: [`${entry}.js`] };
  const modules =
    file === command ? [] : Object.keys(build(start).metafile.inputs).filter((name) => !isTaken(dist, name));
  const contents = modules.map((name) => `exports['${name.slice(0, -3)}'] = () => require('./${name}');`).join('\n');
  const { outputFiles } = build(modules.length > 0 ? { stdin: { contents, resolveDir: dist } } : start);
  const up = file.includes('/') ? '../' : './';
  for (const name of modules)
    writeFileSync(join(dist, name), `module.exports = require('${taken}${file}')['${name.slice(0, -3)}']();\n`);
  const text = withClassNames(outputFiles[0].text).replaceAll(`require("${taken}`, `require("${up}`);
  writeFileSync(join(dist, file), text);
}

/** Begins the name of a joined file from which a module is taken. A name like a package's, which esbuild leaves as it is. */
const taken = 'joined:';
const isTaken = (dist, name) => readFileSync(join(dist, name), 'utf8').startsWith(`module.exports = require('${taken}`);

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

/** Text of the file of an entry: it loads the module of that name from a joined file. */
function entryText(file, entry) {
  const up = '../'.repeat(entry.split('/').length - 1) || './';
  const names = Object.keys(createRequire(import.meta.url)(join(root, 'dist', `${entry}.js`)));
  // The second line never does anything. Node reads it to learn which names `import` can take from this CommonJS module.
  return `module.exports = require('${up}${file}')['${entry}']();\n0 && (module.exports = { ${names.join(', ')} });\n`;
}
