/** Finds the file of a set that holds a picture. */

/** A file of a set. */
interface Part {
  /** Index of its first picture in the set. */
  readonly first: number;
}

/** Returns the part that holds the picture of an index. `parts`: all parts of the set, in order. */
export function partOf<Own extends Part>(parts: readonly Own[], index: number): Own {
  let [low, high] = [0, parts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (parts[middle]!.first <= index) low = middle;
    else high = middle - 1;
  }
  return parts[low]!;
}
