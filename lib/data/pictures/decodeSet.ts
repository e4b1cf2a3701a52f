/** Decodes a PictureSet into a cache of records, as far as that was not done before. */
import { hash as digest, randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { reasonOf, SaturnnError } from '../../errors';
import { prepareFolder, removeTemporaries, unwritable } from '../../files/durable';
import { lockFolder } from '../../files/lock';
import { requireSpace } from '../../files/space';
import { cacheFolder } from '../../runtime/cacheFolder';
import {
  type CacheIndex,
  cacheFormat,
  type Entry,
  journalName,
  readIndex,
  recordBytes,
  writeIndex,
} from './cacheIndex';
import { compact } from './compact';
import { type Decoding, decode, reasonOfDecoder } from './decode';
import { inOrder } from './inOrder';
import { readJournal } from './journal';
import type { EncodedPicture, PictureSet } from './pictureSet';
import { pictureSize } from './pictureSize';
import { RecordWriter } from './recordWriter';
import { loadSharp } from './sharp';
import { waitForLock } from './waitForLock';

/** How far a decoding is. */
export interface DecodingProgress {
  /** The number of pictures that are decoded, with those of earlier calls. */
  readonly done: number;
  /** The number of pictures in all. */
  readonly total: number;
  /** Pictures per second of this call. */
  readonly imagesPerSecond: number;
}

/** Settings of decodeSet(). */
export interface DecodeSetOptions {
  readonly decoding: Decoding;
  /** Folder of the caches. Default: defaultPictureCache(). */
  readonly cacheDir?: string;
  /** "fail": a broken picture is an error. "skip": it is left out. */
  readonly onBroken: 'fail' | 'skip';
  readonly signal?: AbortSignal;
  /** Called at most ten times a second while pictures are decoded, and at the end; never if all were decoded before. */
  readonly onProgress?: (progress: DecodingProgress) => void;
}

/** A complete cache. */
export interface DecodedSet {
  /** The folder of the cache. */
  readonly folder: string;
  readonly index: CacheIndex;
}

/** Returns the folder in which caches of pictures are kept: $XDG_CACHE_HOME/saturnn/pictures, or ~/.cache/saturnn/pictures. */
export const defaultPictureCache = (): string => cacheFolder('pictures');

/** Returns the name of a set's cache: it differs by what is decoded, and how. */
export function cacheName({ source }: Pick<PictureSet, 'source'>, { shape, fit, background }: Decoding): string {
  const key = JSON.stringify([cacheFormat, source, shape, fit, background]);
  const readable = basename(source)
    .replace(/[^\w.-]+/g, '_')
    .slice(0, 40);
  return `${readable}-${shape.join('x')}-${digest('sha256', key).slice(0, 16)}`;
}

/**
 * Decodes the pictures of a set that are not in its cache yet, or whose bytes have changed. A call that was killed, interrupted or
 * failed has lost at most about a second of work. Another process that decodes the same set is waited for.
 * @throws ERR_DATA for a broken picture with onBroken "fail"; ERR_PACKAGE without sharp; ERR_OUTPUT if the cache cannot be written;
 * ERR_BUSY if another process has the cache and does nothing; the signal's reason
 */
export async function decodeSet(set: PictureSet, options: DecodeSetOptions): Promise<DecodedSet> {
  const { decoding, signal, cacheDir, onBroken } = options;
  signal?.throwIfAborted();
  const folder = join(resolve(cacheDir ?? defaultPictureCache()), cacheName(set, decoding));
  const before = readIndex(folder);
  const known = before && completeFor(set, before);
  if (known) return checkBroken(set, { folder, index: known }, onBroken);
  loadSharp();
  prepareFolder(folder);
  const unlock = await waitForLock(() => lockFolder(folder), join(folder, journalName), signal);
  try {
    return checkBroken(set, { folder, index: await update(set, folder, options) }, onBroken);
  } catch (error) {
    throw isOfSystem(error) ? unwritable(folder, error) : error;
  } finally {
    unlock();
  }
}

const isOfSystem = (error: unknown): boolean => typeof (error as NodeJS.ErrnoException).syscall === 'string';

/** Returns the index if it describes the set exactly as it is now; else null. */
function completeFor(set: PictureSet, index: CacheIndex): CacheIndex | null {
  const { entries, labels, splits, classes, classNames } = index;
  if (entries.length !== set.count || classes !== set.classes) return null;
  if (JSON.stringify([splits, classNames]) !== JSON.stringify([set.splits, set.classNames])) return null;
  const isSame = ({ name, stamp }: Entry, at: number) =>
    labels[at] === set.labels[at] && name === set.nameOf(at) && stamp !== '' && stamp === set.stampOf(at);
  return entries.every(isSame) ? index : null;
}

/** @throws ERR_DATA if pictures are broken and that is not accepted */
function checkBroken(set: PictureSet, decoded: DecodedSet, onBroken: 'fail' | 'skip'): DecodedSet {
  const broken = decoded.index.entries.filter(({ record }) => record < 0);
  if (onBroken === 'fail' && broken[0]) throw brokenError(set, broken[0], broken.length);
  return decoded;
}

function brokenError(
  { source }: PictureSet,
  { name, reason }: Pick<Entry, 'name' | 'reason'>,
  count: number,
): SaturnnError {
  const others = count > 1 ? `, and ${count - 1} other pictures are broken` : '';
  const remedy = "Remove it, or leave broken pictures out (onBroken: 'skip', --on-broken skip)";
  return new SaturnnError('ERR_DATA', `Cannot decode ${join(source, name)}: ${reason}${others}. ${remedy}`);
}

/** Decodes what is missing while the cache is locked. */
async function update(set: PictureSet, folder: string, options: DecodeSetOptions): Promise<CacheIndex> {
  const { decoding } = options;
  // Another process may have changed it until the lock was free.
  const before = readIndex(folder);
  const done = before && completeFor(set, before);
  if (done) return done;
  removeTemporaries(folder);
  const size = recordBytes(decoding.shape);
  const found = readJournal(folder, size);
  const journaled = found && (!before || before.file === found.file) ? found : null;
  const file = before?.file ?? journaled?.file ?? `records-${randomBytes(6).toString('hex')}.bin`;
  removeOthers(folder, file);
  const known = [...(before?.entries ?? []), ...(journaled?.entries ?? [])];
  const next = known.reduce((most, { record }) => Math.max(most, record + 1), before?.capacity ?? 0);
  const plan = new Plan(set, known);
  if (plan.todo.length > 0)
    requireSpace(folder, [{ path: join(folder, file), bytes: (next + plan.todo.length) * size }], 0);
  const writer = await RecordWriter.open(folder, { file, decoding, next }, journaled);
  try {
    await decodeMissing(set, plan, writer, options);
    await writer.flush();
  } catch (error) {
    // What was decoded until then need not be decoded again.
    await writer.flush().catch(() => {});
    throw error;
  } finally {
    await writer.close();
  }
  const { source, splits, classes, classNames, labels } = set;
  const index: CacheIndex = {
    ...{ source, splits, classes, classNames, decoding, file },
    labels: [...labels],
    capacity: writer.capacity,
    entries: plan.entries as readonly Entry[],
  };
  const written = compact(folder, index);
  writeIndex(folder, written);
  rmSync(join(folder, journalName), { force: true });
  removeOthers(folder, written.file);
  return written;
}

/** Removes files of records that no index and no journal names any more. */
function removeOthers(folder: string, kept: string): void {
  for (const name of readdirSync(folder)) {
    if (/^records-[0-9a-f]{12}\.bin$/.test(name) && name !== kept) rmSync(join(folder, name), { force: true });
  }
}

/** Holds the entry of each picture that is known already, and lists the pictures that must be read. */
class Plan {
  /** One entry per picture; null until it is known. */
  readonly entries: (Entry | null)[];
  /** Indices of the pictures that must be read, ascending. */
  readonly todo: Int32Array;
  /** Entries with a record, by the hash of the encoded bytes. */
  readonly byHash = new Map<string, Entry>();

  constructor(set: PictureSet, known: readonly Entry[]) {
    const byName = new Map<string, Entry>();
    for (const entry of known) {
      byName.set(entry.name, entry);
      if (entry.record >= 0) this.byHash.set(entry.hash, entry);
    }
    this.entries = Array.from({ length: set.count }, (_, index) => {
      const entry = byName.get(set.nameOf(index));
      return entry && entry.stamp !== '' && entry.stamp === set.stampOf(index) ? entry : null;
    });
    this.todo = Int32Array.from([...this.entries.keys()].filter((index) => this.entries[index] === null));
  }
}

/** A picture that was read, and decoded if it had to be. */
type Outcome = Omit<Entry, 'record'> & { readonly index: number; readonly pixels: Uint8Array | null };

async function decodeMissing(
  set: PictureSet,
  plan: Plan,
  writer: RecordWriter,
  { decoding, onBroken, signal, onProgress }: DecodeSetOptions,
): Promise<void> {
  const progress = new Progress(set.count, plan.todo.length, onProgress);
  const most = 2 * availableParallelism() + 2;
  const work = (picture: EncodedPicture) => decodeOne(set, plan, picture, decoding);
  for await (const { index, pixels, ...entry } of inOrder(set.read(plan.todo, signal), most, work)) {
    signal?.throwIfAborted();
    const same = plan.byHash.get(entry.hash);
    if (entry.reason !== '' && onBroken === 'fail') throw brokenError(set, entry, 1);
    let whole: Entry;
    if (same) whole = await writer.note({ ...entry, height: same.height, width: same.width, record: same.record });
    else if (pixels) whole = await writer.add(entry, pixels);
    else whole = await writer.note({ ...entry, record: -1 });
    if (whole.record >= 0) plan.byHash.set(whole.hash, whole);
    plan.entries[index] = whole;
    progress.step();
  }
  signal?.throwIfAborted();
  progress.end();
}

async function decodeOne(set: PictureSet, plan: Plan, picture: EncodedPicture, decoding: Decoding): Promise<Outcome> {
  const { index, bytes, error } = picture;
  const name = set.nameOf(index);
  const unknown = { index, name, hash: '', height: 0, width: 0, pixels: null };
  // Without a stamp it is read again next time: that a file becomes readable does not change its size and time.
  if (!bytes) return { ...unknown, stamp: '', reason: reasonOf(error) };
  const hash = digest('sha256', bytes).slice(0, 32);
  const stamp = set.stampOf(index);
  if (plan.byHash.has(hash)) return { ...unknown, hash, stamp, reason: '' };
  try {
    const pixels = await decode(bytes, decoding);
    const [height, width] = (await pictureSize(bytes)) ?? [0, 0];
    return { index, name, hash, stamp, height, width, pixels, reason: '' };
  } catch (failure) {
    return { ...unknown, hash, stamp, reason: reasonOfDecoder(failure) };
  }
}

/** Milliseconds between two calls of onProgress. */
const progressTime = 100;

class Progress {
  readonly #begun = Date.now();
  #last = 0;
  #steps = 0;

  constructor(
    private readonly total: number,
    private readonly todo: number,
    private readonly show: DecodeSetOptions['onProgress'],
  ) {}

  step(): void {
    this.#steps++;
    if (Date.now() - this.#last >= progressTime) this.#report();
  }

  end(): void {
    if (this.#steps > 0) this.#report();
  }

  #report(): void {
    this.#last = Date.now();
    const seconds = Math.max(0.001, (this.#last - this.#begun) / 1000);
    const done = this.total - this.todo + this.#steps;
    this.show?.({ done, total: this.total, imagesPerSecond: this.#steps / seconds });
  }
}
