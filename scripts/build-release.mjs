// `npm run build:release`: the libraries as they are published, in out/release: for every GPU architecture from Turing on, and
// PTX for later ones; device code compressed, symbols stripped. Prints the sizes; --check (`npm run check:release`) fails if
// the CUDA backend, which is all that it compiles, is larger than is allowed or needs a library of NVIDIA's. That takes
// minutes; --built does the same to what `npm run build:native` has made for sm_90, with the limit of one architecture.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nativeBuildCommands } from './build-native.mjs';
import { checkLayout } from './package-layout.mjs';
import { root, run, StageError, stage, startIfMain } from './stage.mjs';

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

await startIfMain(import.meta.url, async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      check: { type: 'boolean', default: false },
      built: { type: 'boolean', default: false },
    },
  });
  if (!values.built) await stage('release build', () => compile(architectures, values.check ? [cuda] : everything));
  const files = strip(values.built ? join(root, 'out') : built);
  for (const { name, bytes, before } of files) console.log(`${name}: ${bytes} bytes, ${before} before stripping`);
  console.log(`GPU architectures: ${values.built ? 'those of the build in out/' : architectures}`);
  if (!values.check && !values.built) return 0;
  checkLayout(folder);
  const { bytes } = files.find(({ name }) => name.startsWith(`lib${cuda}`));
  const most = values.built ? mostBytesOfOne : mostBytes;
  if (bytes > most) {
    const next = values.built ? ' Whether all architectures are still within the limit: npm run check:release' : '';
    throw new StageError(`libsaturnn_cuda.so has ${bytes} bytes; at most ${most} are allowed.${next}`);
  }
  console.log(`libsaturnn_cuda.so is within ${most} bytes; nothing of NVIDIA's is in ${folder}`);
  return 0;
});
