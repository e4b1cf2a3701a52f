// `npm run build:native`: builds the native libraries with CMake (through cmake-js). CMake's tree is out/cmake, the
// libraries are written to out/, and Ninja compiles only what has changed. SATURNN_CUDA=AUTO|ON|OFF says whether the CUDA
// backend is built, and SATURNN_CUDA_ARCHITECTURES for which GPUs. Arguments go to cmake-js.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
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
  const options = ['SATURNN_CUDA', 'SATURNN_CUDA_ARCHITECTURES']
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

await startIfMain(import.meta.url, async (args) => {
  for (const [command, rest] of nativeBuildCommands(args)) {
    const status = await foreground(command, rest);
    if (status !== 0) return status;
  }
  return 0;
});
