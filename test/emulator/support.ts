/** Lets tests open the CUDA backend on the emulated GPU (see README.md), if it was built. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaryFolders } from '../../lib/runtime/locate';

/** Folder of the emulated build, which exists if the CUDA backend was built. */
export const emulatedFolder = join(binaryFolders()[0] as string, 'emulated');

export const isEmulated = existsSync(join(emulatedFolder, 'libsaturnn_cuda.so'));

/** Name of a test that is skipped, with the reason. */
export const notEmulated = `NOT RUN: ${emulatedFolder} was not built (it needs nvcc's and cuDNN's headers)`;

/**
 * Makes this process load its backends from the emulated build. Its choices of convolutions are written to a temporary
 * folder, because times on the emulator mean nothing.
 */
export function useEmulatedGpu(): void {
  const cache = mkdtempSync(join(tmpdir(), 'saturnn-emulator-'));
  process.on('exit', () => rmSync(cache, { recursive: true, force: true }));
  process.env.XDG_CACHE_HOME = cache;
  process.env.SATURNN_BINARY = emulatedFolder;
  process.env.CUDNN_PATH = emulatedFolder;
}
