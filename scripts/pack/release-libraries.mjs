// `npm run build:release`: the libraries as they are published, in out/release: for every GPU architecture from Turing on, and
// PTX for later ones; device code compressed, symbols stripped. --check (`npm run check:release`) compiles the CUDA backend
// alone, and fails if it is larger than is allowed or needs a library of NVIDIA's. That takes minutes; --built takes what
// `npm run build:native` has made for sm_90, with the limit of one architecture.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nativeBuildCommands } from '../build-native.mjs';
import { root, run, StageError, stage, startIfMain } from '../stage.mjs';
import { checkLayout } from './layout.mjs';

/** sm_75 to sm_120 as machine code; the last also as PTX, which a driver compiles for what comes after. */
const architectures = '75-real;80-real;86-real;89-real;90-real;100-real;120';
const mostBytes = 6e6;
/** sm_90 and its PTX alone: with that, all of them had 5.86 MB where this had 2.655 (their device code 4.33 times as much). */
const mostBytesOfOne = 2.69e6;
const cuda = 'saturnn_cuda';
const everything = ['saturnn', 'saturnn_cpu', cuda];
const tree = join(root, 'out', 'release-cmake');
const built = join(tree, 'libraries');
const folder = join(root, 'out', 'release');

/** `targets` alone: what else the tree can build is for tests. */
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

/** Names and bytes of the stripped files. */
function strip(source) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(source).filter((name) => /^saturnn\.node$|^libsaturnn_.*\.so$/.test(name));
  return names.map((name) => {
    const target = join(folder, name);
    cpSync(join(source, name), target);
    execFileSync('strip', ['--strip-unneeded', target]);
    return { name, bytes: statSync(target).size, before: statSync(join(source, name)).size };
  });
}

/** Makes out/release; resolves to its files with their sizes. `built`: from out/, without compiling. */
export async function releaseLibraries({ built: isBuilt = false, targets = everything } = {}) {
  if (!isBuilt) await stage('release build', () => compile(architectures, targets));
  const files = strip(isBuilt ? join(root, 'out') : built);
  const backend = files.find(({ name }) => name.startsWith(`lib${cuda}`));
  if (!backend)
    throw new StageError('There is no CUDA backend. Remedy: install nvcc, npm run setup:cuda, npm run build:native');
  checkLayout(folder);
  checkSize(backend.bytes, isBuilt);
  return { folder, files, architectures: isBuilt ? 'those of the build in out/' : architectures };
}

function checkSize(bytes, isBuilt) {
  const most = isBuilt ? mostBytesOfOne : mostBytes;
  if (bytes <= most) return;
  const next = isBuilt ? ' Whether all architectures are still within the limit: npm run check:release' : '';
  throw new StageError(`libsaturnn_cuda.so has ${bytes} bytes; at most ${most} are allowed.${next}`);
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
  console.log(`GPU architectures: ${made.architectures}. Within the limits; nothing of NVIDIA's is in ${made.folder}`);
});
