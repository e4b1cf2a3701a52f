/**
 * Keeps the plans of recent evaluate() calls, so that a loop over one expression compiles it once. It does not import Plan,
 * Device or State, so that these may import it: a plan is anything that can be disposed of, and its owners (Device, State)
 * are only compared, to drop their plans when they are disposed of.
 */

interface Disposable {
  dispose(): void;
}

interface Entry {
  readonly plan: Promise<Disposable>;
  readonly owners: readonly (object | null)[];
}

/** The plans by key, the most recently used last. */
const cache = new Map<string, Entry>();
/** Largest number of plans that are kept. */
const most = 32;

/**
 * Returns the plan that is kept under `key`, or else compiles it; a plan whose compilation fails is not kept. All calls with
 * one key must ask for the same type of plan.
 */
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

/** Frees the plans of a Device or State that is being disposed of, because they cannot run any more. */
export function dropPlansOf(owner: object): void {
  for (const [key, { owners }] of cache) if (owners.includes(owner)) drop(key);
}

function drop(key: string): void {
  // A failed compilation leaves nothing to free; its error went to the caller of cachedPlan().
  cache
    .get(key)
    ?.plan.then((plan) => plan.dispose())
    .catch(() => {});
  cache.delete(key);
}
