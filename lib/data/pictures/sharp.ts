/** The library that decodes pictures: an optional peer dependency, loaded when the first picture is decoded. */
import { reasonOf, SaturnnError } from '../../errors';

type Sharp = typeof import('sharp');

let loaded: Sharp | null = null;

/** Loads sharp. @throws ERR_PACKAGE, with the command that installs it, if it is missing or does not load */
export function loadSharp(): Sharp {
  if (loaded) return loaded;
  try {
    // A literal name, in a `try`: so bundlers see which package is needed, and go on where it is not installed.
    loaded = require('sharp') as Sharp;
    return loaded;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    const reason = missing
      ? 'which is not installed'
      : `which does not load (${reasonOf(error).trim().split('\n')[0]?.replace(/\.$/, '')})`;
    const message = `Pictures are decoded by the package sharp, ${reason}. Remedy: \`npm install sharp\` where the program runs.`;
    throw new SaturnnError('ERR_PACKAGE', message, { cause: error });
  }
}
