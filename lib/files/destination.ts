import { lstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { requireRegular } from './read';

/** A file that is to be written. */
export interface Destination {
  /** Its path at the end of all links, which stay. */
  readonly path: string;
  /** The file that is replaced, whose mode and owner the new one gets; null if there is none. */
  readonly replaced: Stats | null;
}

/** Most links that are followed from one to the next, as many as Linux follows. */
const mostLinks = 40;

/**
 * Finds the file that a path stands for. The file need not exist: a link may point to a name that is still free.
 * @throws Error if the path stands for a folder, pipe, socket or device, because a rename would replace it; ENOENT, ELOOP
 */
export function destinationOf(path: string): Destination {
  const replaced = statSync(path, { throwIfNoEntry: false }) ?? null;
  if (replaced) requireRegular(replaced);
  return { path: replaced ? realpathSync(path) : endOfLinks(resolve(path)), replaced };
}

/** Follows links to a name that does not exist. */
function endOfLinks(path: string): string {
  let end = path;
  for (let links = 0; lstatSync(end, { throwIfNoEntry: false })?.isSymbolicLink(); links++) {
    if (links === mostLinks) throw new Error('it is a link in a circle of links');
    // A relative link counts from the folder that holds it.
    end = resolve(realpathSync(dirname(end)), readlinkSync(end));
  }
  return end;
}
