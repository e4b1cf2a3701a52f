// Compiles one CUDA source for one architecture and returns what describes its kernels: the report of ptxas, the PTX and, if
// nvdisasm is installed, the SASS.
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root, StageError } from './stage.mjs';

const execute = promisify(execFile);
const maxBuffer = 2 ** 30;
/** The flags of CMake's Release build that affect generated code. */
const flags = ['-std=c++17', '-O3', '-DNDEBUG', '-I', join(root, 'native')];

/**
 * Finds nvcc in the places where CMake looks for it, and the tools of its toolkit.
 * @returns paths of nvcc, ptxas and nvdisasm (undefined if it is not installed), and nvcc's version
 * @throws StageError if nvcc or ptxas is missing
 */
export function findToolkit() {
  const { CUDACXX, CUDA_PATH, PATH = '' } = process.env;
  const path = PATH.split(':');
  const folders = [...path, ...(CUDA_PATH ? [join(CUDA_PATH, 'bin')] : []), '/usr/local/cuda/bin'];
  const nvcc = [CUDACXX, ...folders.map((folder) => join(folder, 'nvcc'))].find((file) => file && existsSync(file));
  if (!nvcc) throw new StageError('nvcc was not found (looked in CUDACXX, PATH, CUDA_PATH, /usr/local/cuda).');
  // nvcc in PATH may be a wrapper script in another folder than the toolkit; a dry run prints the toolkit's own folder.
  const { stderr } = spawnSync(nvcc, ['--dryrun', '-ptx', '-x', 'cu', '/dev/null'], { encoding: 'utf8' });
  const [, here = ''] = /^#\$ _HERE_=(.*)$/m.exec(stderr ?? '') ?? [];
  const tool = (name) => [here, ...path].map((folder) => join(folder, name)).find((file) => existsSync(file));
  const ptxas = tool('ptxas');
  if (!ptxas) throw new StageError(`ptxas was not found beside ${nvcc} (${here}).`);
  const [, version = 'unknown'] = /V([\d.]+)/.exec(execFileSync(nvcc, ['--version'], { encoding: 'utf8' })) ?? [];
  return { nvcc, ptxas, nvdisasm: tool('nvdisasm'), version };
}

/**
 * Compiles a source to PTX, through the launcher that CMake uses for CUDA, if there is one: with ccache it takes no time to compile again
 * what has not changed. ccache keeps what nvcc makes of one source (-c) only.
 */
async function compileToPtx(nvcc, args) {
  const launcher = process.env.CMAKE_CUDA_COMPILER_LAUNCHER;
  const [program, ...before] = launcher ? [launcher, nvcc] : [nvcc];
  await execute(program, [...before, ...flags, '-c', '-ptx', ...args], { maxBuffer });
}

/**
 * Compiles `source` for compute capability `architecture`, e.g. 90.
 * @returns the report of ptxas, the PTX, and the SASS (null without nvdisasm), as text
 * @throws StageError with the compiler's messages
 */
export async function compileKernels(source, { nvcc, ptxas, nvdisasm }, architecture) {
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-kernels-'));
  const [ptx, cubin] = [join(folder, 'kernels.ptx'), join(folder, 'kernels.cubin')];
  try {
    await compileToPtx(nvcc, [`-arch=compute_${architecture}`, '-o', ptx, source]);
    const { stderr } = await execute(ptxas, ['-v', `-arch=sm_${architecture}`, '-o', cubin, ptx], { maxBuffer });
    const sass = nvdisasm ? (await execute(nvdisasm, [cubin], { maxBuffer })).stdout : null;
    return { report: stderr, ptx: readFileSync(ptx, 'utf8'), sass };
  } catch (error) {
    throw new StageError(`${error.message}\n${error.stderr ?? ''}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Demangles kernel names and removes namespaces and parameter lists: "channelMap<float, 3, true, 4>". */
export function demangle(names) {
  if (names.length === 0) return [];
  const text = execFileSync('c++filt', { input: names.join('\n'), encoding: 'utf8', maxBuffer });
  return text.trimEnd().split('\n').map(withoutScope);
}

function withoutScope(text) {
  const name = text
    .replace(/^void /, '')
    .replace(/_GLOBAL__N__[0-9a-f]+_\w+::|\(anonymous namespace\)::|saturnn::(?:cuda::)?/g, '');
  let depth = 0;
  for (let i = 0; i < name.length; i++) {
    if (name[i] === '<') depth++;
    else if (name[i] === '>') depth--;
    else if (name[i] === '(' && depth === 0) return name.slice(0, i);
  }
  return name;
}
