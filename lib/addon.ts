import { SaturnnError } from './errors';
import { binaryPath } from './locate';
import type { NativeAddon } from './native';
import { thisSystem, whyUnsupported } from './platform';

let addon: NativeAddon | undefined;

/** The native addon, if something has loaded it. */
export function loadedAddon(): NativeAddon | undefined {
  return addon;
}

/**
 * The native addon, loaded on first use.
 * @throws what binaryPath throws; ERR_BINARY_NOT_LOADED with the dynamic loader's own words and what to do
 */
export function loadAddon(): NativeAddon {
  if (addon) return addon;
  const path = binaryPath('saturnn.node');
  try {
    addon = require(path) as NativeAddon;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new SaturnnError('ERR_BINARY_NOT_LOADED', `${path} does not load: ${text}. ${whyNotLoaded()}.`, {
      cause: error,
    });
  }
  return addon;
}

function whyNotLoaded(): string {
  return (
    whyUnsupported(thisSystem()) ??
    'It may be damaged, or built for another system. Remedy: install saturnn anew, or build it here: `npx saturnn build`'
  );
}
