/** `saturnn build`: compiles the native parts from the sources in the package, for this machine's own CUDA, cuDNN or oneDNN. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { SaturnnError } from '../errors';
import { prepareFolder } from '../files/durable';
import { packageRoot } from '../runtime/locate';
import { addOptions, declare } from './options/declare';
import { outOption } from './options/output';
import * as read from './options/readers';
import { print } from './terminal/print';

const whens = ['auto', 'on', 'off'] as const;
const defaultWhen: (typeof whens)[number] = 'auto';

const cudaOption = declare({
  flags: '--cuda <when>',
  help: 'whether to build the CUDA backend; auto builds it if nvcc and the headers of cuDNN are found',
  choices: whens,
  default: defaultWhen,
  shown: defaultWhen,
});

const architecturesOption = declare({
  flags: '--cuda-architectures <list>',
  help: 'CUDA architectures as CMake names them: "native", "90", "80;90"',
  otherwise: '90',
});

const dnnlOption = declare({
  flags: '--dnnl <folder>',
  help: "oneDNN's installation, version 2.6 or newer, below 3",
  otherwise: "the system's",
});

const cudnnOption = declare({
  flags: '--cudnn <folder>',
  help: 'the folder with the headers of cuDNN, version 9',
  otherwise: "CUDNN_ROOT, CUDNN_PATH, the system's",
});

const jobsOption = declare({
  flags: '--jobs <n>',
  help: 'number of compilers that run at a time',
  read: read.positiveInteger,
  default: availableParallelism(),
});

interface BuildOptions {
  out?: string;
  cuda: (typeof whens)[number];
  cudaArchitectures?: string;
  dnnl?: string;
  cudnn?: string;
  jobs: number;
}

export function buildCommand(): Command {
  const command = new Command('build').description(
    'compile the native parts on this machine, with its own oneDNN and, where nvcc and the headers of cuDNN are found, CUDA',
  );
  addOptions(
    command,
    outOption({
      argument: '<folder>',
      note: ': a folder, for SATURNN_BINARY',
      otherwise: 'in the package, where saturnn finds them',
    }),
    ...[cudaOption(), architecturesOption(), dnnlOption(), cudnnOption(), jobsOption()],
  );
  return command.action(build);
}

/** Installs what a build needs on Debian 12. Other systems may have a CMake below 3.25, or another oneDNN: --dnnl names one. */
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
  // --fresh: the options of an earlier build must not stay in CMake's cache.
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
  print(`\nbuilt in ${out}\n`);
  if (options.out !== undefined) print(`saturnn uses it where SATURNN_BINARY=${out} is set\n`);
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
    // cmake-js sets this variable otherwise: the folders with the headers of Node-API, for C and for C++.
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

/** Runs CMake with its output on the terminal: its own messages explain a missing compiler or library. @throws ERR_BUILD */
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
