import { homedir } from 'node:os';
import { join } from 'node:path';

/** $XDG_CACHE_HOME/saturnn/NAME, or ~/.cache/saturnn/NAME. @throws if the user has no home, as in a bare container */
export function cacheFolder(name: string): string {
  const { XDG_CACHE_HOME: cache } = process.env;
  // The specification says that a relative path is to be ignored.
  const base = cache?.startsWith('/') ? cache : join(homedir(), '.cache');
  return join(base, 'saturnn', name);
}
