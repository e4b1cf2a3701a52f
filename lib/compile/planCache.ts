/**
 * Compiled plans of recent evaluate() calls: a loop over the same expression compiles once. Imports types only, so that
 * State and Device, on which the compiler stands, can say when they are disposed of.
 */

import type { Device } from '../runtime/device';
import type { State } from '../tensor/state';
import type { Plan } from './compile';

interface Entry {
  readonly plan: Promise<Plan>;
  readonly device: Device;
  readonly state: State | null;
}

/** The one that was used last comes last. */
const cache = new Map<string, Entry>();
const most = 32;

/** The plan known as `key`, or what `compile` gives: that is kept, unless it fails. */
export function cachedPlan(
  key: string,
  { device, state }: Omit<Entry, 'plan'>,
  compile: () => Promise<Plan>,
): Promise<Plan> {
  const known = cache.get(key);
  cache.delete(key);
  const entry = known ?? { plan: compile(), device, state };
  cache.set(key, entry);
  if (!known) entry.plan.catch(() => cache.get(key) === entry && cache.delete(key));
  for (const oldest of cache.keys()) {
    if (cache.size <= most) break;
    drop(oldest);
  }
  return entry.plan;
}

/** Frees the plans of a Device or State that is disposed of: they could not run again. */
export function dropPlansOf(owner: Device | State): void {
  for (const [key, { device, state }] of cache) if (owner === device || owner === state) drop(key);
}

function drop(key: string): void {
  // A compilation that failed has nothing to free, and whoever asked for it has seen the error.
  cache
    .get(key)
    ?.plan.then((plan) => plan.dispose())
    .catch(() => {});
  cache.delete(key);
}
