import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Returns $XDG_CACHE_HOME/saturnn/NAME, or ~/.cache/saturnn/NAME if that variable is not set.
 * @throws a system error if the user has no home folder, as in a bare container
 */
export function cacheFolder(name: string): string {
  const { XDG_CACHE_HOME: cache } = process.env;
  // The XDG specification says that a relative path is to be ignored.
  const base = cache?.startsWith('/') ? cache : join(homedir(), '.cache');
  return join(base, 'saturnn', name);
}
