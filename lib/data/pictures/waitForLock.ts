import { statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { SaturnnError } from '../../errors';

/** Milliseconds between two attempts. */
const pause = 200;

/** Milliseconds for which the other process may leave its journal as it is. */
const longestPause = 60_000;

/**
 * Takes a lock, and waits while another process has it and works.
 * @param lock takes the lock, or throws ERR_BUSY
 * @param journal path of a file to which the other process writes again and again
 * @param patience milliseconds for which it may leave it as it is
 * @throws ERR_BUSY if the journal does not change for so long; the signal's reason; what `lock` throws otherwise
 */
export async function waitForLock(
  lock: () => () => void,
  journal: string,
  signal?: AbortSignal,
  patience = longestPause,
): Promise<() => void> {
  let seen = '';
  let since = Date.now();
  for (;;) {
    try {
      return lock();
    } catch (error) {
      if ((error as SaturnnError).code !== 'ERR_BUSY') throw error;
      const stats = statSync(journal, { throwIfNoEntry: false });
      const state = `${stats?.size} ${stats?.mtimeMs}`;
      if (state !== seen) [seen, since] = [state, Date.now()];
      else if (Date.now() - since > patience) throw error;
      await setTimeout(pause, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}
