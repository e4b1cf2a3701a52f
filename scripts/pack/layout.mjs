// NVIDIA's libraries and headers are the user's: none may be in what we publish, and none may be needed to load it. cuDNN,
// cuBLASLt, NVRTC and the driver are opened at run time, with errors that say what is missing.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { StageError } from '../stage.mjs';

const library = /^lib(cuda|cudart|cudnn|cublas|cufft|curand|cusolver|cusparse|cupti|npp|nccl|nv)[\w-]*\.(so|a)(\.|$)/i;
const header =
  /^(cu(da|dnn|blas|fft|rand|solver|sparse|pti)|nv|nccl|fatbinary|vector_types|device_types)\w*\.(h|hpp|cuh)$/i;

const isNvidias = (file) => library.test(basename(file)) || header.test(basename(file));

/** Our own headers may be called as NVIDIA's are: in our folder it is what they say that counts. */
const saysNvidias = (folder, file) => /copyright[^\n]*nvidia/i.test(readFileSync(join(folder, file), 'utf8'));

/** Libraries that the loader must find before a file can be opened; empty if it is no ELF file. */
export function neededLibraries(file) {
  if (!readFileSync(file).subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'))) return [];
  const text = execFileSync('readelf', ['-d', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return [...text.matchAll(/\(NEEDED\)\s+Shared library: \[([^\]]+)\]/g)].map(([, name]) => name);
}

/** Every file below a folder, by its path in it. */
export const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));

/** @throws StageError that names every file of NVIDIA's, and every file of ours that would load one */
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
