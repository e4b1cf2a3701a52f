/** Works on several items at the same time, and gives the results in the order of the items. */

/**
 * Calls `work` for each item, for at most `most` items at the same time, and yields the results in order. An error of an item is thrown
 * when its turn comes; `work` that still runs then is waited for.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  most: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, void> {
  const running: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // It is awaited later; until then its error must not count as unhandled.
      result.catch(() => {});
      running.push(result);
      if (running.length >= most) yield await running.shift()!;
    }
    while (running.length > 0) yield await running.shift()!;
  } finally {
    await Promise.allSettled(running);
  }
}
