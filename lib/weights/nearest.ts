/** Finds the tensor that is probably meant by one that was not found. */
import { editDistance } from '../options/nearest';
import { isSameButForOnes } from './layout';

interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Most pairs of names that are compared: one comparison takes up to 50 microseconds. */
const mostCompared = 500;

const plain = (name: string): string => name.toLowerCase().replace(/[-_./\s]/g, '');

/** Returns how many letters two names differ in, without the beginning and the end that they have in common. */
function distance(a: string, b: string): number {
  let begin = 0;
  while (begin < Math.min(a.length, b.length) && a[begin] === b[begin]) begin++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - begin && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return editDistance(a.slice(begin, a.length - end), b.slice(begin, b.length - end));
}

/**
 * Returns the tensor that a name probably means: of those that have the shape, if there are any, the most similar name.
 * @param names names that were looked for
 * @param shape the shape that was looked for
 * @param others the tensors that no other weight has taken
 * @returns its name; null if none is similar
 */
export function nearestTensor(
  names: readonly string[],
  shape: readonly number[],
  others: readonly Named[],
): string | null {
  const fitting = others.filter((other) => isSameButForOnes(other.shape, shape));
  // The only tensor of the shape is probably meant, whatever its name.
  if (fitting.length === 1) return fitting[0]!.name;
  const wanted = names.map(plain);
  let best: { readonly name: string; readonly distance: number } | null = null;
  let compared = 0;
  for (const { name } of fitting.length > 0 ? fitting : others) {
    const theirs = plain(name);
    for (const own of wanted) {
      const most = Math.max(3, Math.max(own.length, theirs.length) / 3);
      if (Math.abs(own.length - theirs.length) > most) continue;
      if (++compared > mostCompared) return best?.name ?? onlyKin(names, shape, others);
      const found = distance(own, theirs);
      if (found <= most && found < (best?.distance ?? Number.POSITIVE_INFINITY)) best = { name, distance: found };
    }
  }
  return best?.name ?? onlyKin(names, shape, others);
}

const lastPart = (name: string): string => name.slice(Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1);

/** Returns the only tensor with the same last part of the name and as many dimensions: a classifier of other classes. */
function onlyKin(names: readonly string[], shape: readonly number[], others: readonly Named[]): string | null {
  const parts = new Set(names.map(lastPart));
  const kin = others.filter((other) => parts.has(lastPart(other.name)) && other.shape.length === shape.length);
  return kin.length === 1 ? kin[0]!.name : null;
}
