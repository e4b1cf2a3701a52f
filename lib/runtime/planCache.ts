/**
 * Compiled plans of recent evaluate() calls: a loop over the same expression compiles once. Knows of plans only that they can be
 * freed, and of their owners (a Device, a State) only who they are, so that these can say when they are disposed of.
 */

interface Disposable {
  dispose(): void;
}

interface Entry {
  readonly plan: Promise<Disposable>;
  readonly owners: readonly (object | null)[];
}

/** The one that was used last comes last. */
const cache = new Map<string, Entry>();
const most = 32;

/** The plan known as `key`, or what `compile` gives: that is kept, unless it fails. All plans of one key have one type. */
export function cachedPlan<Plan extends Disposable>(
  key: string,
  owners: readonly (object | null)[],
  compile: () => Promise<Plan>,
): Promise<Plan> {
  const known = cache.get(key);
  cache.delete(key);
  const entry = known ?? { plan: compile(), owners };
  cache.set(key, entry);
  if (!known) entry.plan.catch(() => cache.get(key) === entry && cache.delete(key));
  for (const oldest of cache.keys()) {
    if (cache.size <= most) break;
    drop(oldest);
  }
  return entry.plan as Promise<Plan>;
}

/** Frees the plans of an owner that is disposed of: they could not run again. */
export function dropPlansOf(owner: object): void {
  for (const [key, { owners }] of cache) if (owners.includes(owner)) drop(key);
}

function drop(key: string): void {
  // A compilation that failed has nothing to free, and whoever asked for it has seen the error.
  cache
    .get(key)
    ?.plan.then((plan) => plan.dispose())
    .catch(() => {});
  cache.delete(key);
}
