/** Opens a set of pictures as sources of images: it is decoded as far as necessary, and divided into a training and a test set. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SaturnnError } from '../../errors';
import { writeAtomically } from '../../files/durable';
import { callback, type Field, oneOf, optional, pathField, signal } from '../../options/field';
import type { Fields } from '../../options/options';
import { divide } from '../divide';
import { type DataMode, dataModeField, type ImageSource } from '../source';
import { testPartDefaults, testPartFields } from '../testPart';
import type { CacheIndex } from './cacheIndex';
import { decodingOf, type PictureOptions, pictureFields } from './decode';
import { type DecodedSet, type DecodingProgress, decodeSet } from './decodeSet';
import type { PictureSet, PictureSplitName } from './pictureSet';
import { Records } from './records';

/** Options of imageFolder(), and of everything else that decodes pictures into a cache. */
export interface PictureSetOptions extends Omit<PictureOptions, 'size'> {
  /** Height and width of the images, 1 to 4096 pixels: a number for squares, or [height, width]. Default 32. */
  size?: PictureOptions['size'];
  /**
   * The part of each class that becomes the test set, 0 to below 1, if the pictures are not divided already. Default 0.2. 0: there is
   * no test set.
   */
  testShare?: number;
  /** Seed of that choice. Default 0. */
  testSeed?: number;
  /**
   * What happens to pictures that cannot be decoded. "fail" (default): the first one is an error that names it. "skip": they are left out
   * and listed in the result.
   */
  onBroken?: 'fail' | 'skip';
  /** Folder of the cache of decoded pictures. Default: $XDG_CACHE_HOME/saturnn/pictures, or ~/.cache/saturnn/pictures. */
  cacheDir?: string;
  /** "resident" (default): the decoded images are in memory. "streaming": they stay in the cache, on disk. */
  mode?: DataMode;
  /** Ends the decoding when it is aborted; a later call goes on from there. */
  signal?: AbortSignal;
  /** Called at most ten times a second while pictures are decoded, and at the end; never if the cache has all of them. */
  onProgress?: (progress: DecodingProgress) => void;
}

/** The values of PictureSetOptions.onBroken. */
export const brokenPolicies = ['fail', 'skip'] as const;

/** The defaults of PictureSetOptions. */
export const pictureSetDefaults = {
  size: 32,
  ...testPartDefaults,
  onBroken: 'fail',
  mode: 'resident',
} as const;

/** Schema of PictureSetOptions. */
export const pictureSetFields: Fields<PictureSetOptions> = {
  ...pictureFields,
  size: optional(pictureFields.size) as Field<PictureSetOptions['size']>,
  ...testPartFields,
  onBroken: optional(oneOf(brokenPolicies)),
  cacheDir: optional(pathField),
  mode: optional(dataModeField),
  signal: optional(signal),
  onProgress: optional(callback()),
};

/** A picture that was left out. */
export interface BrokenPicture {
  /** Its name in the folder: "cat/1.jpg". */
  readonly name: string;
  /** Why it could not be decoded. */
  readonly reason: string;
}

/** A picture of the folder. */
export interface ListedPicture {
  /** Its name in the folder: "cat/1.jpg". */
  readonly name: string;
  readonly label: number;
  /** The set that it belongs to; null: it is broken. */
  readonly split: PictureSplitName | null;
  /** Its position in that set; -1: it is broken. */
  readonly index: number;
  /** Height and width of the file's picture; 0 if they are not known. */
  readonly height: number;
  readonly width: number;
  /** Pictures with the same bytes have the same hash. */
  readonly hash: string;
}

/** The images of a folder, decoded. */
export interface ImageFolder {
  readonly train: ImageSource;
  /**
   * The test set: of the folder, or the chosen part; the validation set if there is no folder test; null: there is none, also because no
   * class has two pictures.
   */
  readonly test: ImageSource | null;
  /** The validation set of a folder that has a test set, too; else null. */
  readonly validation: ImageSource | null;
  readonly classNames: readonly string[] | null;
  /** How the test set was chosen: the part of each class, and the seed. Null: the folder is divided already, or there is no test set. */
  readonly split: { readonly share: number; readonly seed: number } | null;
  /** Pictures that were left out because they cannot be decoded. */
  readonly broken: readonly BrokenPicture[];
  /** Files that are no pictures, and were left out. */
  readonly ignored: readonly string[];
  /** Lists all pictures, in the order of the folder. */
  list(): ListedPicture[];
  /** Folder of the decoded images. It may be deleted at any time. */
  readonly cache: string;
  /** Closes the files that are open, if any. */
  close(): Promise<void>;
}

/** Decodes and opens a set with checked options, and closes it. Throws what decodeSet() throws; ERR_DATA if nothing is left of a class. */
export async function openPictureSet(set: PictureSet, options: PictureSetOptions): Promise<ImageFolder> {
  const { size = pictureSetDefaults.size, mode = pictureSetDefaults.mode, signal, onProgress, cacheDir } = options;
  const { onBroken = pictureSetDefaults.onBroken } = options;
  const decoding = decodingOf({ ...options, size });
  const open = async () => {
    const decoded = await decodeSet(set, { decoding, onBroken, signal, onProgress, cacheDir });
    const { parts, split } = partsOf(decoded.index, options);
    requireClasses(set, decoded.index, parts.train);
    if (split) noteSplit(decoded, split, parts.test!);
    return openParts(set, decoded, { parts, split, mode });
  };
  try {
    return await open().catch((error) => {
      // Another process has replaced the file of records since the index was read.
      if (error?.cause?.code === 'ENOENT') return open();
      throw error;
    });
  } finally {
    await set.close();
  }
}

/** Indices of pictures, by split. */
type Parts = { readonly train: Int32Array } & Partial<Record<Exclude<PictureSplitName, 'train'>, Int32Array>>;

/** Returns the pictures of each split that are not broken; the test set is chosen if the set has no other split. */
function partsOf(
  { splits, entries, labels }: CacheIndex,
  { testShare = pictureSetDefaults.testShare, testSeed = pictureSetDefaults.testSeed }: PictureSetOptions,
): { parts: Parts; split: ImageFolder['split'] } {
  const parts: Partial<Record<PictureSplitName, Int32Array>> = {};
  let first = 0;
  for (const { name, count } of splits) {
    const all = Int32Array.from({ length: count }, (_, index) => first + index);
    parts[name] = all.filter((index) => entries[index]!.record >= 0);
    first += count;
  }
  const train = parts.train!;
  const classes = new Set(train.map((index) => labels[index]!));
  // A class with one picture keeps it for the training.
  const isWhole = splits.length > 1 || testShare === 0 || classes.size === train.length;
  if (isWhole) return { parts: { ...parts, train }, split: null };
  const divided = divide(
    train.map((index) => labels[index]!),
    testShare,
    { seed: testSeed },
  );
  const chosen = (rows: Int32Array) => rows.map((row) => train[row]!);
  const split = { share: testShare, seed: testSeed };
  return { parts: { train: chosen(divided.train), test: chosen(divided.test) }, split };
}

/**
 * Checks that no class has lost all of its training pictures because they are broken. A class that never had any is accepted: a part of a
 * data set may lack classes that its metadata name.
 * @throws ERR_DATA
 */
function requireClasses(set: PictureSet, { labels, entries }: CacheIndex, train: Int32Array): void {
  const found = new Set(Array.from(train, (index) => labels[index]!));
  const lost = entries.findIndex(({ record }, index) => record < 0 && !found.has(labels[index]!));
  if (lost < 0) return;
  const { name, reason } = entries[lost]!;
  const className = set.classNames?.[labels[lost]!] ?? `${labels[lost]}`;
  throw new SaturnnError(
    'ERR_DATA',
    `No picture of the class ${className} in ${set.source} can be used for training; for example, ${name}: ${reason}`,
  );
}

/** Writes down, beside the index, which pictures were chosen for the test set. */
function noteSplit({ folder, index }: DecodedSet, split: NonNullable<ImageFolder['split']>, test: Int32Array): void {
  const path = join(folder, `split-${split.share}-${split.seed}.json`);
  const names = Array.from(test, (at) => index.entries[at]!.name);
  try {
    writeAtomically(path, `${JSON.stringify({ ...split, test: names }, null, 1)}\n`);
  } catch (error) {
    // A cache that can only be read is of use, too, and the choice can be made again.
    if (!existsSync(path) && (error as SaturnnError).code !== 'ERR_OUTPUT') throw error;
  }
}

async function openParts(
  set: PictureSet,
  { folder, index }: DecodedSet,
  { parts, split, mode }: { parts: Parts; split: ImageFolder['split']; mode: DataMode },
): Promise<ImageFolder> {
  const opened: Records[] = [];
  const close = async () => {
    await Promise.all(opened.map((records) => records.close()));
  };
  const source = async (indices: Int32Array | undefined, role?: 'validation'): Promise<ImageSource | null> => {
    if (!indices || indices.length === 0) return null;
    const records = await Records.open({
      path: join(folder, index.file),
      shape: index.decoding.shape,
      places: indices.map((at) => index.entries[at]!.record),
      labels: indices.map((at) => index.labels[at]!),
      classes: index.classes,
      classNames: index.classNames,
      decoding: { fit: index.decoding.fit, background: index.decoding.background },
    });
    opened.push(records);
    return Object.assign(mode === 'resident' ? await records.load() : records, role && { role });
  };
  try {
    const train = await source(parts.train);
    const ofValidation = await source(parts.validation, 'validation');
    const test = parts.test ? await source(parts.test) : ofValidation;
    const validation = parts.test ? ofValidation : null;
    if (mode === 'resident') await close();
    const broken = index.entries.filter(({ record }) => record < 0).map(({ name, reason }) => ({ name, reason }));
    const { classNames, ignored } = set;
    const list = () => listOf(index, parts);
    return { train: train!, test, validation, classNames, split, broken, ignored, list, cache: folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Lists the pictures of a cache; where the folder has no test set, its validation set is called one, as in ImageFolder. */
function listOf({ entries, labels }: CacheIndex, { train, validation, test }: Parts): ListedPicture[] {
  const places = new Map<number, { split: PictureSplitName; index: number }>();
  const sets = { train, test: test ?? validation, ...(test && { validation }) };
  for (const [split, indices] of Object.entries(sets)) {
    indices?.forEach((at, index) => {
      places.set(at, { split: split as PictureSplitName, index });
    });
  }
  return entries.map(({ name, height, width, hash }, at) => {
    const { split = null, index = -1 } = places.get(at) ?? {};
    return { name, label: labels[at]!, split, index, height, width, hash };
  });
}
