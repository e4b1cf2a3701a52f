import { SaturnnError } from './errors';
import { binaryPath } from './locate';
import type { NativeAddon } from './native';

let addon: NativeAddon | undefined;

/** The native addon, if something has loaded it. */
export function loadedAddon(): NativeAddon | undefined {
  return addon;
}

/** The native addon, loaded on first use. @throws ERR_BINARY_NOT_FOUND, ERR_BINARY_NOT_LOADED with the loader's own words */
export function loadAddon(): NativeAddon {
  if (addon) return addon;
  const path = binaryPath('saturnn.node');
  try {
    addon = require(path) as NativeAddon;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const remedy = 'it was built for another system or Node; rebuild it with `npm run build:native`';
    throw new SaturnnError('ERR_BINARY_NOT_LOADED', `${path} does not load: ${text}. Remedy: ${remedy}.`, {
      cause: error,
    });
  }
  return addon;
}
