// `npm run build:native`: builds the native libraries with CMake (through cmake-js). CMake's tree is out/cmake, the
// libraries are written to out/, and Ninja compiles only what has changed. SATURNN_CUDA=AUTO|ON|OFF says whether the CUDA
// backend is built, SATURNN_CUDA_ARCHITECTURES for which GPUs, and SATURNN_WERROR=ON makes warnings errors. Arguments go
// to cmake-js.
import { existsSync, lstatSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { foreground, node, root, StageError, startIfMain } from './stage.mjs';

const usualTree = join(root, 'out', 'cmake');
const cmakeJs = join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js');

/**
 * The two commands of a build, configure and build, each as [program, arguments].
 * @param extra arguments for `cmake-js configure`
 * @param tree folder of CMake's build tree
 * @throws StageError if cmake-js is not installed
 */
export function nativeBuildCommands(extra = [], tree = usualTree) {
  if (!existsSync(cmakeJs))
    throw new StageError('cmake-js is not installed. Remedy: npm ci (or npm run setup, for everything)');
  forgetMovedTree(tree);
  const options = ['SATURNN_CUDA', 'SATURNN_CUDA_ARCHITECTURES', 'SATURNN_WERROR']
    .filter((name) => process.env[name])
    .map((name) => `--CD${name}=${process.env[name]}`);
  if (!process.env.SATURNN_CUDA) options.push('--CDSATURNN_CUDA=AUTO');
  return [
    [node, [cmakeJs, 'configure', '--out', tree, ...options, ...extra]],
    [node, [cmakeJs, 'build', '--out', tree, '--parallel', String(availableParallelism())]],
  ];
}

/**
 * Removes a build tree that was configured for another source folder (the repository was moved or copied): CMake refuses
 * it.
 */
function forgetMovedTree(tree) {
  const cache = join(tree, 'CMakeCache.txt');
  if (existsSync(cache) && !readFileSync(cache, 'utf8').includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${root}\n`)) {
    rmSync(tree, { recursive: true });
  }
}

/** Builds into `folder`, with the CMake tree below it, and resolves to the exit status. */
export async function buildNative(extra = [], folder = join(root, 'out')) {
  const tree = join(folder, 'cmake');
  for (const [command, rest] of nativeBuildCommands([`--CDSATURNN_OUT=${folder}`, ...extra], tree)) {
    const status = await foreground(command, rest);
    if (status !== 0) return status;
  }
  return 0;
}

/** Editors and clang-tidy look for compile_commands.json in the repository's root. A file that a person put there stays. */
export function linkCompileCommands() {
  const link = join(root, 'compile_commands.json');
  const found = lstatSync(link, { throwIfNoEntry: false });
  if (found && !found.isSymbolicLink()) return;
  if (found) rmSync(link);
  symlinkSync(relative(root, join(usualTree, 'compile_commands.json')), link);
}

await startIfMain(import.meta.url, async (args) => {
  const status = await buildNative(args);
  if (status === 0) linkCompileCommands();
  return status;
});
