// Checks that published files include no library or header of NVIDIA's, and that none is needed to load them. Users
// install these themselves: the CUDA backend opens cuDNN, cuBLASLt, NVRTC and the driver at run time, with errors that
// say what is missing.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { StageError } from '../stage.mjs';

const library = /^lib(cuda|cudart|cudnn|cublas|cufft|curand|cusolver|cusparse|cupti|npp|nccl|nv)[\w-]*\.(so|a)(\.|$)/i;
const header =
  /^(cu(da|dnn|blas|fft|rand|solver|sparse|pti)|nv|nccl|fatbinary|vector_types|device_types)\w*\.(h|hpp|cuh)$/i;

const isNvidias = (file) => library.test(basename(file)) || header.test(basename(file));

/** Whether a header has NVIDIA's copyright. In native/, names do not tell: a header of ours may be called as one of NVIDIA's, such as cudnn_graph.h. */
const saysNvidias = (folder, file) => /copyright[^\n]*nvidia/i.test(readFileSync(join(folder, file), 'utf8'));

/** Sonames of the libraries that the loader must find before it can open a file; empty if the file is not ELF. */
export function neededLibraries(file) {
  if (!readFileSync(file).subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'))) return [];
  const text = execFileSync('readelf', ['-d', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return [...text.matchAll(/\(NEEDED\)\s+Shared library: \[([^\]]+)\]/g)].map(([, name]) => name);
}

/** Paths of all files below a folder, relative to it. */
export const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));

/**
 * Checks the files of a folder. @returns `files`
 * @param files paths relative to `folder`
 * @throws StageError that names every file of NVIDIA's and every file that needs one to be loaded
 */
export function checkLayout(folder, files = filesOf(folder)) {
  const isWrong = (file) => (/^native\/.*\.h$/.test(file) ? saysNvidias(folder, file) : isNvidias(file));
  const wrong = files.filter(isWrong).map((file) => `${file} is NVIDIA's`);
  for (const file of files.filter((name) => /\.(so(\.[\d.]+)?|node)$/.test(name))) {
    const needed = neededLibraries(join(folder, file)).filter(isNvidias);
    if (needed.length > 0) wrong.push(`${file} needs ${needed.join(', ')}`);
  }
  if (wrong.length > 0) throw new StageError(`${folder}:\n${wrong.join('\n')}`);
  return files;
}
