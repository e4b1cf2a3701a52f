/** Opens the CUDA backend on the emulated GPU (see README.md), where it was built. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaryFolders } from '../../lib/locate';

/** Where a build with the CUDA backend leaves the emulated one. */
export const emulatedFolder = join(binaryFolders()[0] as string, 'emulated');

export const isEmulated = existsSync(join(emulatedFolder, 'libsaturnn_cuda.so'));

/** For the name of a test that does not run. */
export const notEmulated = `NOT RUN: ${emulatedFolder} was not built (it needs nvcc's and cuDNN's headers)`;

/**
 * From here on, every backend that this process opens is the emulated one or its neighbour. Choices of convolutions are
 * not kept: timed here, they mean nothing.
 */
export function useEmulatedGpu(): void {
  const cache = mkdtempSync(join(tmpdir(), 'saturnn-emulator-'));
  process.on('exit', () => rmSync(cache, { recursive: true, force: true }));
  process.env.XDG_CACHE_HOME = cache;
  process.env.SATURNN_BINARY = emulatedFolder;
  process.env.CUDNN_PATH = emulatedFolder;
}
