// `npm run sanitize -- asan|tsan [test files]`: native code under a sanitizer.
//
//   asan   AddressSanitizer and UndefinedBehaviorSanitizer: addon, CPU backend and, with SATURNN_CUDA=ON, the CUDA backend on the
//          emulated GPU; runs the native stress and the tests of ops, plans, engine and training
//   tsan   ThreadSanitizer: addon and CPU backend, with LLVM's OpenMP, whose synchronisation it can see; runs the native stress
//          and a stress of training
//
// Each has its own build, in out/asan and out/tsan. Reports go to out/KIND/reports; a finding, or a test that fails, makes the
// exit code 1. scripts/sanitize/reports.mjs says which reports are not ours, and why. oneDNN, Node.js and libstdc++ come from the
// system and are not instrumented: an error inside them is found only where they call malloc, free, memcpy and the like.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildNative } from './build-native.mjs';
import { kinds } from './sanitize/kinds.mjs';
import { foreignOf, reportsIn, titleOf, withLines } from './sanitize/reports.mjs';
import { node, root, StageError, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

async function timed(name, work) {
  console.log(`\n=== ${name}`);
  const began = performance.now();
  const status = (await work()) ?? 0;
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`=== ${name}: ${seconds} s${status === 0 ? '' : `, exit ${status}`}`);
  return status;
}

/** Returns the path of a library that comes with the compiler. @throws StageError that names the `packages` that have it */
function libraryOf(compiler, name, packages) {
  const found = spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' });
  const path = found.stdout?.trim() ?? '';
  if (found.status !== 0 || !path.startsWith('/') || !existsSync(path))
    throw missing(`${compiler}'s ${name}`, packages);
  return path;
}

function missing(what, packages) {
  return new StageError(`${what} was not found.\nRemedy: sudo apt-get install -y --no-install-recommends ${packages}`);
}

/** LLVM's OpenMP under GNU's name, in a folder for LD_LIBRARY_PATH: our code and oneDNN then share one runtime. */
function llvmOpenMp(folder) {
  const libraries = ['/usr/lib/llvm-14/lib', '/usr/lib/llvm-19/lib', '/usr/lib/llvm-18/lib', '/usr/lib/llvm-16/lib'];
  const found = libraries.find(
    (path) => existsSync(join(path, 'libarcher.so')) && existsSync(join(path, 'libomp.so.5')),
  );
  if (found === undefined) throw missing("LLVM's OpenMP with libarcher", 'libomp-dev');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  symlinkSync(join(found, 'libomp.so.5'), join(folder, 'libgomp.so.1'));
  return { folder, archer: join(found, 'libarcher.so') };
}

function environmentOf(kind, folder, reports) {
  const runtime = libraryOf('g++', kind.runtime, 'g++');
  const options = (list) => [`log_path=${join(reports, 'report')}`, ...list].join(':');
  const env = {
    SATURNN_BINARY: folder,
    LD_PRELOAD: runtime,
    CXXFLAGS: kind.flags,
    // With the same test data in every run, the reports of two runs can be compared.
    SATURNN_TEST_SEED: process.env.SATURNN_TEST_SEED ?? '1',
  };
  for (const [name, list] of Object.entries(kind.options)) env[name] = options(list);
  if (kind.openMp) {
    const { folder: libraries, archer } = llvmOpenMp(join(folder, 'openmp'));
    env.LD_LIBRARY_PATH = libraries;
    env.OMP_TOOL_LIBRARIES = archer;
  }
  return env;
}

/** Runs a command whose output is shown and written to `log`, because UBSan writes to stderr alone. */
function shownAndKept([command, ...args], env, log) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const file = createWriteStream(log);
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      from.pipe(to, { end: false });
      from.pipe(file, { end: false });
    }
    child.on('error', reject);
    child.on('close', (code) => file.end(() => resolve(code ?? 1)));
  });
}

/** Prints every finding once, and counts what is left out. Returns 1 if there are findings, else 0. */
function showReports(reports, libraries) {
  const files = readdirSync(reports).filter((name) => name.startsWith('report'));
  const all = files.flatMap((name) => reportsIn(readFileSync(join(reports, name), 'utf8')));
  const ours = all.filter((report) => foreignOf(report) === undefined);
  const count = (list) => list.reduce((map, key) => map.set(key, (map.get(key) ?? 0) + 1), new Map());
  for (const [title, number] of count(ours.map(titleOf))) {
    const first = ours.find((report) => titleOf(report) === title);
    console.log(`${number} x ${title}\n${withLines(first, libraries)}\n`);
  }
  for (const [owner, number] of count(all.map(foreignOf).filter((owner) => owner !== undefined)))
    console.log(`left out: ${number} reports of ${owner} (scripts/sanitize/reports.mjs says why)`);
  console.log(`${ours.length} findings; all reports are in ${reports}`);
  return ours.length === 0 ? 0 : 1;
}

/** Returns the ABI version of a build, which CMake makes of the headers, as C++. */
function abiVersion(folder) {
  const source = readFileSync(join(folder, 'cmake', 'abi_version.cc'), 'utf8');
  return /= (0x[0-9a-f]+u);/.exec(source)[1];
}

await startIfMain(import.meta.url, async ([name, ...chosen]) => {
  const kind = kinds[name];
  if (kind === undefined)
    throw new StageError(`Expected ${Object.keys(kinds).join(' or ')} but received ${name ?? 'nothing'}`);
  const folder = join(root, 'out', name);
  const reports = join(folder, 'reports');
  const env = environmentOf(kind, folder, reports);
  process.env.SATURNN_CUDA ??= 'OFF';

  const built = await timed(`build in out/${name}`, () => buildNative([`--CDSATURNN_SANITIZE=${kind.cmake}`], folder));
  if (built !== 0) return built;
  await compileTypescript('tsconfig.build.json');

  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  let failed = 0;
  const run = async (stage, args, more = {}) => {
    const log = join(reports, `report-of-${stage.replaceAll(/\W+/g, '-')}.log`);
    const status = await timed(stage, () => shownAndKept([...kind.prefix, node, ...args], { ...env, ...more }, log));
    if (status !== 0) failed = status;
  };

  if (chosen.length > 0) {
    await run(chosen.join(' '), [vitest, 'run', ...kind.vitest, ...chosen]);
  } else {
    const fake = join(folder, 'fake_backend.so');
    const version = `-DSATURNN_ABI_VERSION=${abiVersion(folder)}`;
    const own = ['-std=c++17', '-g', '-O1', '-shared', '-fPIC', '-pthread', '-Inative', version];
    const flags = [...own, ...kind.flags.split(' ')];
    execFileSync('g++', [...flags, 'test/fakes/fake_backend.cc', '-o', fake], { cwd: root, stdio: 'inherit' });
    const addon = join(folder, 'saturnn.node');
    await run('native stress', ['--expose-gc', 'test/native/stress.cjs', addon, fake, String(kind.rounds), '1']);
    for (const [stage, args] of kind.programs) await run(stage, args);
    for (const [stage, files] of kind.tests) {
      await run(stage, [vitest, 'run', ...kind.vitest, ...files]);
    }
    if (kind.emulated.length > 0 && existsSync(join(folder, 'emulated', 'libsaturnn_cuda.so'))) {
      // The preloaded runtime makes the libraries' own search path count no more.
      const more = { LD_LIBRARY_PATH: join(folder, 'emulated') };
      await run('emulated GPU', [vitest, 'run', ...kind.vitest, ...kind.emulated], more);
    }
  }

  console.log('\n=== reports');
  return showReports(reports, folder) || failed;
});
