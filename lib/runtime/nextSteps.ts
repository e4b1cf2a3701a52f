/** Chooses the commands that `saturnn doctor` suggests. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCode } from '../errors';
import { version } from '../version';
import type { BackendReport, PartReport } from './findings';
import { packageRoot } from './locate';

/** A command that the user may run next. */
export interface NextStep {
  /** The purpose of the command, in a few words. */
  readonly purpose: string;
  /** A line for the shell. */
  readonly command: string;
}

/** Returns the steps in the order in which to do them, each command once. */
export function nextSteps(found: {
  readonly parts: readonly PartReport[];
  readonly backends: readonly BackendReport[];
  /** Name of a device that works; null: none does. */
  readonly device: string | null;
}): NextStep[] {
  const { parts, backends, device } = found;
  const absent = parts.map(({ part, problem }) => ({ code: problem?.code, isForGpu: part === 'libsaturnn_cuda.so' }));
  const broken = backends.flatMap(({ missing }) => missing.map(({ code }) => code));
  const steps = [
    device === null ? null : train(device),
    ...absent.map(({ code, isForGpu }) => stepForPart(code, isForGpu)),
    ...broken.map((code) => stepForMissing[code] ?? null),
  ].filter((step) => step !== null);
  return steps.filter((step, i) => steps.findIndex(({ command }) => command === step.command) === i);
}

const train = (device: string): NextStep => ({
  purpose: `train, on ${device}`,
  // This network learns a good part of the hundred classes in one epoch: a first run should show some success.
  command:
    'npx saturnn train --data generated --width 0.25 --activation scaledSigmoid --lr 0.03 --batch 32 --epochs 1 --out runs/first',
});

function stepForPart(code: ErrorCode | undefined, isForGpu: boolean): NextStep | null {
  const what = isForGpu ? 'for a GPU: the CUDA backend' : 'the native parts';
  if (code === 'ERR_BINARY_VERSION')
    return { purpose: `${what} of this version`, command: `npm install saturnn@${version}` };
  if (code !== 'ERR_BINARY_NOT_FOUND') return null;
  if (process.env.SATURNN_BINARY)
    return { purpose: `${what}: SATURNN_BINARY hides all other places`, command: 'unset SATURNN_BINARY' };
  if (isClone())
    return { purpose: what, command: isForGpu ? 'npm run setup:cuda && npm run build:native' : 'npm run build:native' };
  return { purpose: what, command: 'npm install --include=optional saturnn' };
}

/** Returns whether this is a clone of the repository: the published package has no folder scripts. */
const isClone = () => existsSync(join(packageRoot(), 'scripts'));

const cudaLibraries = 'pip install nvidia-cudnn-cu13 nvidia-cublas nvidia-cuda-nvrtc';

const stepForMissing: Readonly<Partial<Record<ErrorCode, NextStep>>> = {
  ERR_BINARY_NOT_LOADED: { purpose: 'native parts that load here', command: 'npx saturnn build' },
  ERR_BACKEND_NOT_FOUND: { purpose: 'native parts that load here', command: 'npx saturnn build' },
  ERR_CUDA_UNAVAILABLE: { purpose: "for a GPU: NVIDIA's driver, until this works", command: 'nvidia-smi' },
  ERR_CUDNN_NOT_FOUND: { purpose: 'for a GPU: cuDNN 9, cuBLASLt and NVRTC', command: cudaLibraries },
  ERR_CUDNN_INCOMPLETE: { purpose: 'for a GPU: the whole of cuDNN', command: cudaLibraries },
  ERR_CUBLASLT_NOT_FOUND: { purpose: 'for a GPU: cuBLASLt', command: cudaLibraries },
};
