/**
 * Tells objects of another copy of saturnn from this copy's own. A process may load two: packages bring versions of their own, or a
 * module cache was emptied. A Tensor of one is no Tensor of the other, though both classes have the same name.
 */
import { version } from './version';

/** Key of the prototypes of marked classes, the same in every copy. */
const key = Symbol.for('saturnn.copy');

interface Copy {
  readonly version: string;
  /** Folder of the files. */
  readonly folder: string;
}

const thisCopy: Copy = { version, folder: typeof __dirname === 'string' ? __dirname : 'a bundle' };

/** Marks classes as belonging to this copy: those whose instances users pass to other functions. */
export function markCopy(...classes: readonly { readonly prototype: object }[]): void {
  for (const { prototype } of classes) Object.defineProperty(prototype, key, { value: thisCopy });
}

/** Returns the end of a message about a value: where it comes from, if that is another copy of saturnn; else an empty text. */
export function originOf(value: object): string {
  const copy = (value as { readonly [key]?: Copy })[key];
  if (copy === undefined || copy === thisCopy) return '';
  const [theirs, own] = [copy, thisCopy].map((one) => `${one.version} in ${one.folder}`);
  return (
    ` of another copy of saturnn (${theirs}; this one is ${own}). A program must use one copy: ` +
    '`npm ls saturnn` says which packages bring them, and `npm dedupe` or equal versions join them'
  );
}
