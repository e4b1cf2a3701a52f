/** `saturnn build`: the native parts from the sources that the package brings, for a machine's own CUDA, cuDNN or oneDNN. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { SaturnnError } from '../errors';
import { prepareFolder } from '../files/durable';
import { packageRoot } from '../runtime/locate';
import * as read from './options';

interface BuildOptions {
  out?: string;
  cuda: 'auto' | 'on' | 'off';
  cudaArchitectures?: string;
  dnnl?: string;
  cudnn?: string;
  jobs: number;
}

export function buildCommand(): Command {
  return new Command('build')
    .description(
      "compile the native parts on this machine, with its own oneDNN and, where there are nvcc and cuDNN's headers, CUDA",
    )
    .option('--out <folder>', 'where they go, for SATURNN_BINARY (default: into the package, where they are found)')
    .addOption(new Option('--cuda <when>', 'the CUDA backend').choices(['auto', 'on', 'off']).default('auto'))
    .option('--cuda-architectures <list>', 'as CMake names them: "native", "90" (default), "80;90"')
    .option('--dnnl <folder>', "oneDNN's installation, 2.6 or newer, below 3 (default: the system's)")
    .option(
      '--cudnn <folder>',
      "the folder with cuDNN's headers, version 9 (default: CUDNN_ROOT, CUDNN_PATH, the system's)",
    )
    .option('--jobs <n>', 'compilers at a time', read.positiveInteger, availableParallelism())
    .action(build);
}

/** Of Debian 12; elsewhere CMake may be older than 3.25, or oneDNN another than 2.6 or 2.7: then --dnnl names one. */
const systemPackages = 'apt-get install cmake g++ ninja-build libdnnl-dev';

async function build(options: BuildOptions): Promise<void> {
  const root = packageRoot();
  const out = outputFolder(options.out ?? join(root, 'out'), options.out === undefined);
  if (!works('cmake'))
    throw new SaturnnError(
      'ERR_BUILD',
      `cmake was not found on PATH. 3.25 or newer is needed. Remedy: \`${systemPackages}\` (Debian 12)`,
    );
  const tree = join(out, 'build');
  // What an earlier build was told is not to be remembered.
  await cmake([
    '--fresh',
    '-S',
    root,
    '-B',
    tree,
    ...(works('ninja') ? ['-G', 'Ninja'] : []),
    ...definitions(options, out),
  ]);
  await cmake(['--build', tree, '--parallel', String(options.jobs)]);
  process.stdout.write(`\nbuilt in ${out}\n`);
  if (options.out !== undefined) process.stdout.write(`saturnn uses it where SATURNN_BINARY=${out} is set\n`);
}

function outputFolder(folder: string, isDefault: boolean): string {
  try {
    return prepareFolder(folder);
  } catch (error) {
    if (!isDefault) throw error;
    const { message } = error as Error;
    throw new SaturnnError('ERR_BUILD', `${message}. Remedy: --out DIR, and SATURNN_BINARY=DIR later`, {
      cause: error,
    });
  }
}

const works = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

function definitions({ cuda, cudaArchitectures, dnnl, cudnn }: BuildOptions, out: string): string[] {
  const values: Record<string, string | undefined> = {
    CMAKE_BUILD_TYPE: 'Release',
    // What cmake-js would say: where the headers of Node-API are, for C and for C++.
    CMAKE_JS_INC: [
      join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
      dirname(require.resolve('node-addon-api/package.json')),
    ].join(';'),
    SATURNN_OUT: out,
    SATURNN_CUDA: cuda.toUpperCase(),
    SATURNN_CUDA_ARCHITECTURES: cudaArchitectures,
    DNNL_ROOT: dnnl && resolve(dnnl),
    CUDNN_ROOT: cudnn && resolve(cudnn),
  };
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.map(([name, value]) => `-D${name}=${value}`);
}

/** In the foreground: what CMake says of a missing compiler or library is said better than we could. */
async function cmake(args: readonly string[]): Promise<void> {
  const child = spawn('cmake', args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code, signal] = await once(child, 'close');
  if (code === 0) return;
  const shown = `cmake ${args.map((arg) => (/[\s;]/.test(arg) ? `'${arg}'` : arg)).join(' ')}`;
  throw new SaturnnError(
    'ERR_BUILD',
    `${shown} failed (${signal ?? `exit ${code}`}): see above. On Debian 12: \`${systemPackages}\``,
  );
}
