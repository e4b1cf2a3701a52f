/** Lists the backends: those that this host can run, and why it cannot run the others. Imports no test framework. */
import { backendNames, type Device, openDevice } from '../lib/runtime/device';

export interface Backend {
  readonly name: string;
  /** Null if the backend cannot be opened on this host. */
  readonly device: Device | null;
  /** Why `device` is null, e.g. "ERR_CUDA_UNAVAILABLE: ..."; empty if it is not. */
  readonly reason: string;
}

/** Opens every backend, in the order of `backendNames`. Never throws: a missing library, driver or GPU becomes a `reason`. */
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
