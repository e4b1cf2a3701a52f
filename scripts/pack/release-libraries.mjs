// `npm run build:release`: compiles the libraries as they are published, into out/release: for every GPU architecture
// from Turing on, with PTX for later ones, compressed device code and no symbols. Fails if the CUDA backend is larger
// than allowed or needs a library of NVIDIA's, or if a library is not hardened. --check (`npm run check:release`) compiles the CUDA backend only.
// Compiling takes minutes; --built takes the libraries that `npm run build:native` made for sm_90 instead, and applies
// the limit for one architecture.
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nativeBuildCommands } from '../build-native.mjs';
import { copyStripped, isNativeFile, libraryOf } from '../native-files.mjs';
import { root, run, StageError, stage, startIfMain } from '../stage.mjs';
import { checkHardening } from './hardening.mjs';
import { checkLayout } from './layout.mjs';

/** Machine code for sm_75 to sm_120, and PTX of the last, which a driver compiles for later GPUs. */
const architectures = '75-real;80-real;86-real;89-real;90-real;100-real;120';
/** Largest allowed size of libsaturnn_cuda.so for all architectures, in bytes: about 1.75 MB, and 4.33 times sm_90's device code. */
const mostBytes = 7.2e6;
/**
 * Largest allowed size with code for sm_90 and its PTX only, in bytes; it stands in for the other limit in quick checks.
 * When it was set first, sm_90 alone had 2.655 MB and all architectures 5.86 MB (4.33 times as much device code). Then uploads through
 * pinned memory took 4 KB of host code, which all architectures share, four activations 135 KB of device code, and five kernels (affine and
 * its gradient, clamp, globalMaxPool and its gradient; each for three dtypes and two widths) 111 KB. The losses of elements, soft labels and
 * products of tensors took 46 KB, of host and device code.
 */
const mostBytesOfOne = 3.0e6;
const cuda = 'saturnn_cuda';
const library = libraryOf('cuda');
const everything = ['saturnn', 'saturnn_cpu', cuda];
const tree = join(root, 'out', 'release-cmake');
const built = join(tree, 'libraries');
const folder = join(root, 'out', 'release');

/** Compiles CMake's `targets`, and no others, because the rest of the tree is for tests. */
async function compile(chosen, targets) {
  const options = {
    SATURNN_OUT: built,
    SATURNN_CUDA: 'ON',
    SATURNN_CUDA_ARCHITECTURES: chosen,
  };
  const defines = Object.entries(options).map(([name, value]) => `--CD${name}=${value}`);
  const remedy = `rm -rf ${tree}, then start again`;
  const [[configure, configureArgs], [build, buildArgs]] = nativeBuildCommands(defines, tree);
  await run('release configure', configure, configureArgs, { remedy });
  for (const target of targets) await run(`release ${target}`, build, [...buildArgs, '--target', target], { remedy });
}

/** Copies the libraries of `source` to out/release without symbols. @returns their names, sizes and former sizes in bytes */
function strip(source) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(source).filter(isNativeFile);
  return names.map((name) => {
    const target = join(folder, name);
    copyStripped(join(source, name), target);
    return { name, bytes: statSync(target).size, before: statSync(join(source, name)).size };
  });
}

/**
 * Makes and checks out/release. @returns (resolves to) its path, its files with their sizes, and the GPU architectures
 * @param options `built`: take the libraries from out/ instead of compiling them; `targets`: CMake targets to compile
 */
export async function releaseLibraries({ built: isBuilt = false, targets = everything } = {}) {
  if (!isBuilt) await stage('release build', () => compile(architectures, targets));
  const files = strip(isBuilt ? join(root, 'out') : built);
  const backend = files.find(({ name }) => name === library);
  if (!backend)
    throw new StageError(
      'The CUDA backend was not built. Remedy: install nvcc, then npm run setup:cuda && npm run build:native',
    );
  checkLayout(folder);
  checkHardening(files.map(({ name }) => join(folder, name)));
  checkSize(backend.bytes, isBuilt);
  return { folder, files, architectures: isBuilt ? 'as built in out/' : architectures };
}

function checkSize(bytes, isBuilt) {
  const most = isBuilt ? mostBytesOfOne : mostBytes;
  if (bytes <= most) return;
  const next = isBuilt ? ' npm run check:release tells whether the limit for all architectures still holds.' : '';
  throw new StageError(`Expected at most ${most} bytes for ${library} but it has ${bytes}.${next}`);
}

await startIfMain(import.meta.url, async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      check: { type: 'boolean', default: false },
      built: { type: 'boolean', default: false },
    },
  });
  const made = await releaseLibraries({ built: values.built, targets: values.check ? [cuda] : everything });
  for (const { name, bytes, before } of made.files) console.log(`${name}: ${bytes} bytes, ${before} before stripping`);
  console.log(
    `GPU architectures: ${made.architectures}. Sizes are within the limits; ${made.folder} holds nothing of NVIDIA's.`,
  );
});
