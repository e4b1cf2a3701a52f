/**
 * Lets a schedule or callback that remembers something belong to one training at a time. Without this, a second Trainer would go
 * on with what it remembers of the first: the best epoch, the lowered rate, even the weights.
 */
import { SaturnnError } from '../errors';
import type { MetricsKind } from '../evaluation/metrics';

/** A training, for the schedules and callbacks that belong to it. */
export interface Owner {
  /** Whether its Trainer was disposed of. What belonged to it may then begin another training. */
  readonly disposed: boolean;
  /** Whether its epochs have metrics of a test set. Default true. */
  readonly hasTest?: boolean;
  /** What the network computes, and so what its epochs are measured by. Absent: it is not known. */
  readonly kind?: MetricsKind;
}

/** A schedule or callback, as far as it remembers something. */
export interface Remembering {
  begin?(owner: Owner): void;
  save?(): unknown;
  restore?(saved: never): void;
}

/** A schedule or callback and its name for messages. */
export type Named = readonly [name: string, thing: Remembering];

const owners = new WeakMap<object, Owner>();

/**
 * Notes that `thing` belongs to `owner`. A begin() that wrappers may call, each for a Trainer of its own, calls this itself.
 * @throws ERR_BUSY if it belongs to another owner that was not disposed of
 */
export function own(name: string, thing: object, owner: Owner): void {
  const earlier = owners.get(thing);
  if (earlier && earlier !== owner && !earlier.disposed) {
    const message = `${name} belongs to another Trainer, which was not disposed of: make a new one for each Trainer`;
    throw new SaturnnError('ERR_BUSY', message);
  }
  owners.set(thing, owner);
}

/**
 * Lets schedules and callbacks begin a training of `owner`. Those that remember nothing, because they have none of begin(), save()
 * and restore(), may belong to several.
 * @throws ERR_BUSY if one belongs to another owner, or has belonged to one and has no begin(); what its begin() throws
 */
export function beginAll(owner: Owner, things: readonly Named[]): void {
  const remembering = things.filter(([, { begin, save, restore }]) => begin ?? save ?? restore);
  // Owners first, so that one that is refused has let no other begin.
  for (const [name, thing] of remembering) {
    const hasBelonged = owners.has(thing);
    own(name, thing, owner);
    if (!hasBelonged || thing.begin) continue;
    const message = `${name} has belonged to another Trainer, and has no begin() to forget it: make a new one`;
    throw new SaturnnError('ERR_BUSY', message);
  }
  for (const [, thing] of remembering) thing.begin?.(owner);
}
