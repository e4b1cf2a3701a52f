import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { SaturnnError } from '../errors';

/** Returns the user's home folder: $HOME, or the system's if that is empty or relative. Null: there is none. */
export function homeFolder(): string | null {
  for (const find of [homedir, () => userInfo().homedir]) {
    try {
      const home = find();
      if (isAbsolute(home)) return home;
    } catch {
      // A user without an entry in the system's table, as in a bare container.
    }
  }
  return null;
}

/**
 * Returns $XDG_CACHE_HOME/saturnn/NAME, or ~/.cache/saturnn/NAME if that variable is not set.
 * @throws ERR_OUTPUT if the user has no home folder, as in a bare container
 */
export function cacheFolder(name: string): string {
  const { XDG_CACHE_HOME: cache = '' } = process.env;
  // The XDG specification says that a relative path is to be ignored.
  if (isAbsolute(cache)) return join(cache, 'saturnn', name);
  const home = homeFolder();
  if (home !== null) return join(home, '.cache', 'saturnn', name);
  throw new SaturnnError(
    'ERR_OUTPUT',
    'This user has no home folder for a cache: set XDG_CACHE_HOME to an absolute path',
  );
}
