// `npm run lint:native [-- --fix] [-- --format | --compile | --tidy] [files]`: checks the native sources with LLVM's tools.
//
//   --format    clang-format in the style of .clang-format; with --fix it rewrites the files
//   --compile   clang++ with our warnings as errors, without generating code: what g++ accepts and clang does not
//   --tidy      clang-tidy with the checks of .clang-tidy; with --analyze clang's static analyser, too (minutes)
//
// Without one of these options, all three run. Files and folders limit what is checked; the default is native/ and the native
// sources of test/, for --tidy native/ alone. The last two take the files that compile_commands.json has, so `npm run build:native` comes first.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { root, StageError, startIfMain } from './stage.mjs';

const source = /\.(cc|h|cu|cuh)$/;
const packages = { 'clang-format': 'clang-format', 'clang-tidy': 'clang-tidy', 'clang++': 'clang libomp-dev' };

function requireTool(name) {
  if (spawnSync(name, ['--version']).status === 0) return name;
  const remedy = `sudo apt-get install -y --no-install-recommends ${packages[name]}`;
  throw new StageError(`${name} was not found.\nRemedy: ${remedy}`);
}

/** Runs commands on all cores; prints the output of those that have any. Resolves to the number that failed. */
async function inParallel(commands) {
  let failed = 0;
  const next = commands.values();
  const worker = async () => {
    for (const { command, args, cwd = root } of next) {
      const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
      const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
      // clang-tidy counts on stderr what it has left out in system headers.
      const shown = output.replace(/^(\d+ warnings? generated\.|Suppressed .*|Use -header-filter.*)\n/gm, '').trim();
      if (code !== 0) failed++;
      if (shown !== '') console.log(shown.replaceAll(`${root}/`, ''));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return failed;
}

function sources() {
  const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'native', 'test'], {
    cwd: root,
    encoding: 'utf8',
  });
  return list.split('\n').filter((file) => source.test(file) && existsSync(join(root, file)));
}

// clang does not know GCC's ivdep, which stands before vector loops; compile_commands.json has g++'s flags.
const forClang = '-Wno-unknown-pragmas';
// g++ 12's default, so CMake leaves it out of some commands.
const standard = '-std=c++17';

/** Returns one command per source that g++ compiles, by name; a source of two targets counts once. */
function compileCommands() {
  const file = join(root, 'compile_commands.json');
  if (!existsSync(file)) throw new StageError('compile_commands.json is not there.\nRemedy: npm run build:native');
  const bySource = new Map();
  for (const entry of JSON.parse(readFileSync(file, 'utf8'))) {
    const name = relative(root, entry.file);
    if (!/nvcc/.test(entry.command.split(' ')[0]) && existsSync(entry.file)) bySource.set(name, entry);
  }
  return bySource;
}

/** Splits a command line into words. CMake quotes with backslashes and double quotes. */
function wordsOf(command) {
  return (command.match(/(?:\\.|"(?:\\.|[^"\\])*"|[^\s"\\])+/g) ?? []).map((word) =>
    word.replace(/\\(.)|"((?:\\.|[^"\\])*)"/g, (_, escaped, quoted) => escaped ?? quoted.replace(/\\(.)/g, '$1')),
  );
}

/** The checks, by option. Each takes a test of a file's name, and resolves to the number of files with findings. */
const checks = {
  format(isChosen, fix) {
    const tool = requireTool('clang-format');
    const how = fix ? ['-i'] : ['--dry-run', '-Werror'];
    const files = sources().filter(isChosen);
    return inParallel(files.map((file) => ({ command: tool, args: ['--style=file', ...how, file] })));
  },

  compile(isChosen) {
    const tool = requireTool('clang++');
    const commands = [...compileCommands()].filter(([name]) => isChosen(name));
    // With ccache it takes no time to check again what has not changed. It does not keep what fails.
    const launcher = process.env.CMAKE_CXX_COMPILER_LAUNCHER;
    const [program, ...before] = launcher ? [launcher, tool] : [tool];
    return inParallel(
      commands.map(([, { command, directory }]) => {
        const [, ...words] = wordsOf(command);
        const output = words.indexOf('-o');
        if (output >= 0) words.splice(output, 2);
        const args = [...before, standard, '-fsyntax-only', '-Werror', ...words, forClang];
        return { command: program, args, cwd: directory };
      }),
    );
  },

  tidy(isChosen, _fix, analyze) {
    const tool = requireTool('clang-tidy');
    const files = [...compileCommands().keys()].filter((name) => /^native\/.*\.cc$/.test(name) && isChosen(name));
    const options = ['--quiet', `-p=${root}`, '--warnings-as-errors=*'];
    if (analyze) options.push('--checks=clang-analyzer-*');
    const extra = [`--extra-arg-before=${standard}`, `--extra-arg=${forClang}`];
    return inParallel(files.map((file) => ({ command: tool, args: [...options, ...extra, file] })));
  },
};

await startIfMain(import.meta.url, async (args) => {
  const named = Object.keys(checks).filter((name) => args.includes(`--${name}`));
  const given = args.filter((arg) => !arg.startsWith('--')).map((path) => relative(root, resolve(path)));
  const isChosen = (name) => given.length === 0 || given.some((path) => name === path || name.startsWith(`${path}/`));
  let status = 0;
  for (const name of named.length > 0 ? named : Object.keys(checks)) {
    const began = performance.now();
    const failed = await checks[name](isChosen, args.includes('--fix'), args.includes('--analyze'));
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(`${name}: ${failed === 0 ? 'nothing found' : `${failed} files`}, ${seconds} s`);
    if (failed > 0) status = 1;
  }
  return status;
});
