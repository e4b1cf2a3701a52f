// `npm run build:release`: the libraries as they are published, in out/release: for every GPU architecture from Turing on, and
// PTX for later ones; device code compressed, symbols stripped. Prints the sizes; --check (`npm run check:release`) fails if
// the CUDA backend, which is all that it compiles, is larger than is allowed or needs a library of NVIDIA's.
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
    // Decompressed by the driver when it loads the library, once.
    CMAKE_CUDA_FLAGS: '--compress-mode=size',
  };
  const defines = Object.entries(options).map(([name, value]) => `--CD${name}=${value}`);
  const remedy = `rm -rf ${tree}, then start again`;
  const [[configure, configureArgs], [build, buildArgs]] = nativeBuildCommands(defines, tree);
  await run('release configure', configure, configureArgs, { remedy });
  for (const target of targets) await run(`release ${target}`, build, [...buildArgs, '--target', target], { remedy });
}

/** Names and bytes of the stripped files. */
function strip() {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(built).filter((name) => /^saturnn\.node$|^libsaturnn_.*\.so$/.test(name));
  return names.map((name) => {
    const target = join(folder, name);
    cpSync(join(built, name), target);
    execFileSync('strip', ['--strip-unneeded', target]);
    return { name, bytes: statSync(target).size, before: statSync(join(built, name)).size };
  });
}

await startIfMain(import.meta.url, async (args) => {
  const { values } = parseArgs({
    args,
    options: { check: { type: 'boolean', default: false }, architectures: { type: 'string', default: architectures } },
  });
  await stage('release build', () => compile(values.architectures, values.check ? [cuda] : everything));
  const files = strip();
  for (const { name, bytes, before } of files) console.log(`${name}: ${bytes} bytes, ${before} before stripping`);
  console.log(`GPU architectures: ${values.architectures}`);
  if (!values.check) return 0;
  checkLayout(folder);
  const { bytes } = files.find(({ name }) => name.startsWith(`lib${cuda}`));
  if (bytes > mostBytes)
    throw new StageError(`libsaturnn_cuda.so has ${bytes} bytes; at most ${mostBytes} are allowed.`);
  console.log(`libsaturnn_cuda.so is within ${mostBytes} bytes; nothing of NVIDIA's is in ${folder}`);
  return 0;
});
