// The native build: CMake through cmake-js, in out/cmake, results in out/. Ninja decides what has to be compiled again.
// SATURNN_CUDA=AUTO|ON|OFF and SATURNN_CUDA_ARCHITECTURES choose the CUDA backend; other arguments go to cmake-js.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { foreground, node, root, StageError, startIfMain } from './stage.mjs';

const usualTree = join(root, 'out', 'cmake');
const cmakeJs = join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js');

/** The two commands of a build; `setup` runs them with their output in a log. `tree` is where CMake works. */
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

/** CMake refuses a tree that was configured in another place; the folder of the repository was moved or copied. */
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
