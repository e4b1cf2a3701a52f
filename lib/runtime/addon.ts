import { createRequire } from 'node:module';
import { reasonOf, SaturnnError } from '../errors';
import { version } from '../version';
import { binaryPath } from './locate';
import type { NativeAddon } from './native';
import { thisSystem, whyUnsupported } from './platform';

let addon: NativeAddon | undefined;

/** Returns the native addon if it is loaded already. */
export function loadedAddon(): NativeAddon | undefined {
  return addon;
}

/**
 * Returns the native addon, which the first call loads.
 * @throws what binaryPath() throws; ERR_BINARY_NOT_LOADED with the dynamic loader's message and a remedy; ERR_BINARY_VERSION
 * if it was built from another version, as a local build is after an update
 */
export function loadAddon(): NativeAddon {
  if (addon) return addon;
  const path = binaryPath('saturnn.node');
  const loaded = load(path);
  if (loaded.version !== version) {
    throw new SaturnnError(
      'ERR_BINARY_VERSION',
      `saturnn ${version} cannot use ${path}, which was built from ${loaded.version ?? 'another version'}. ` +
        'Remedy: build it anew (`npx saturnn build`; in a clone `npm run build:native`), or remove it.',
    );
  }
  addon = loaded;
  return addon;
}

function load(path: string): NativeAddon {
  try {
    // A bundler would replace require() of a path that it does not know.
    return createRequire(path)(path) as NativeAddon;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const remedy = code === 'ERR_DLOPEN_DISABLED' ? '' : ` ${whyNotLoaded()}.`;
    throw new SaturnnError('ERR_BINARY_NOT_LOADED', `${path} does not load: ${reasonOf(error)}.${remedy}`, {
      cause: error,
    });
  }
}

function whyNotLoaded(): string {
  return (
    whyUnsupported(thisSystem()) ??
    'It may be damaged, or built for another system. Remedy: install saturnn anew, or build it here: `npx saturnn build`'
  );
}
