/** The library that checks options, loaded at the first check: it would be a fifth of the time that require('saturnn') takes. */
import type * as Valibot from 'valibot';

let loaded: typeof Valibot | null = null;

export function valibot(): typeof Valibot {
  loaded ??= require('valibot') as typeof Valibot;
  return loaded;
}
