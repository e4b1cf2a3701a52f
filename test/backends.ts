/** The backends that this host can run, and why it cannot run the others. Imports no test framework. */
import { ops } from '../lib/ops';
import { backendNames, type Device, openDevice } from '../lib/runtime/device';

export interface Backend {
  readonly name: string;
  /** Null if it cannot be opened here. */
  readonly device: Device | null;
  /** Why not, e.g. "ERR_CUDA_UNAVAILABLE: ...". */
  readonly reason: string;
}

/** Every backend, in the order of their names; a missing library, driver or GPU is a reason, not an error. */
export function backends(): Backend[] {
  return backendNames.map((name) => {
    try {
      return { name, device: openDevice(name), reason: '' };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { name, device: null, reason: `${code}: ${message.split('\n')[0]}` };
    }
  });
}

/** Whether the backend has a kernel for every op. */
export const isComplete = (device: Device): boolean => ops.every((op) => op.name in device.ops);
