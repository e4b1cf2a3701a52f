/** Ends native calls early when an AbortSignal is aborted. */
import { typed } from '../errors';
import { loadAddon } from './addon';
import type { NativeCancellation } from './native';

/** An option of calls that can be ended early. */
export interface Cancellable {
  /** When it is aborted, the call ends before the next kernel, no step is written by half, and the signal's reason is thrown. */
  signal?: AbortSignal;
}

/**
 * Makes a native call that ends early when `signal` is aborted. Without a signal, `call` gets null.
 * @throws the signal's reason, if it was aborted before the call had ended; what the call throws, as a SaturnnError
 */
export async function cancellable<Result>(
  signal: AbortSignal | undefined,
  call: (cancellation: NativeCancellation | null) => Promise<Result>,
): Promise<Result> {
  if (!signal) return typed(call(null));
  signal.throwIfAborted();
  const cancellation = loadAddon().createCancellation();
  const cancel = () => cancellation.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await typed(call(cancellation));
  } catch (error) {
    if (signal.aborted && (error as { code?: string }).code === 'ERR_INTERRUPTED') throw signal.reason;
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}
