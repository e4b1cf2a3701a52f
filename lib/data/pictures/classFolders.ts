/** Finds the pictures of class folders: photos/cat/1.jpg, or photos/train/cat/1.jpg and photos/test/cat/2.jpg. */
import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { reasonOf, SaturnnError } from '../../errors';
import { isPictureName } from './format';
import type { PictureSplitName } from './pictureSet';

/** One picture that was found. */
export interface FoundPicture {
  /** Path from the root, with "/" between; bytes that are not UTF-8 are written as \xNN. */
  readonly name: string;
  /** Path of the file, as bytes if it cannot be written as text. */
  readonly path: string | Buffer;
  readonly label: number;
  readonly stamp: string;
}

/** Everything that was found. */
export interface FoundPictures {
  /** The pictures of each split, in order. */
  readonly splits: readonly { readonly name: PictureSplitName; readonly pictures: readonly FoundPicture[] }[];
  readonly classNames: readonly string[];
  /** Names of files that are no pictures. */
  readonly ignored: readonly string[];
}

/** The names of folders that are splits. */
const splitNames: Readonly<Record<string, PictureSplitName>> = {
  train: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  test: 'test',
};

/** Files and folders that systems and programs leave everywhere, beside those whose names begin with a dot. */
const litter = new Set(['thumbs.db', 'ehthumbs.db', 'desktop.ini', '__macosx', '@eadir', '$recycle.bin']);

const isLitter = (name: string): boolean => name.startsWith('.') || litter.has(name.toLowerCase());

const dataError = (message: string): SaturnnError => new SaturnnError('ERR_DATA', message);

/** An entry of a folder. */
export interface Item {
  readonly name: string;
  readonly path: string | Buffer;
  /** Null: a link that leads nowhere, or in a circle. */
  readonly stats: Stats | null;
}

/** Lists a folder, in the order of the names' code points, without what systems leave in it. @throws ERR_DATA */
export function list(folder: string): Item[] {
  const items = readFolder(folder).map((bytes): Item => {
    const text = bytes.toString('utf8');
    const isText = Buffer.from(text).equals(bytes);
    const path = isText ? join(folder, text) : Buffer.concat([Buffer.from(`${folder}/`), bytes]);
    return { name: isText ? text : escaped(bytes), path, stats: statsOf(path) };
  });
  return items.filter(({ name }) => !isLitter(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Writes the bytes of a name that is not UTF-8 as text: ASCII as it is, others as \xNN. */
const escaped = (bytes: Buffer): string =>
  [...bytes].map((byte) => (byte < 128 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`)).join('');

function readFolder(folder: string): Buffer[] {
  try {
    return readdirSync(folder, { encoding: 'buffer' });
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `Cannot read the folder ${folder}: ${reasonOf(error)}`, { cause: error });
  }
}

function statsOf(path: string | Buffer): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

export const isFolder = ({ stats }: Item): boolean => stats?.isDirectory() ?? false;

/** Returns the folders of `root` that are splits, if it is divided into them; null if its folders are classes. @throws ERR_DATA */
function splitsOf(root: string, folders: readonly Item[]): ReadonlyMap<PictureSplitName, Item> | null {
  const train = folders.find(({ name }) => name === 'train');
  // A folder "train" with pictures in it is a class: trains.
  if (!train || !list(join(root, 'train')).some(isFolder)) return null;
  const splits = new Map<PictureSplitName, Item>();
  for (const item of folders) {
    const split = Object.hasOwn(splitNames, item.name) ? splitNames[item.name] : undefined;
    if (!split) {
      const known = Object.keys(splitNames).join(', ');
      throw dataError(
        `${root} has the folder train, so its other folders must be splits (${known}); it also has ${item.name}`,
      );
    }
    const other = splits.get(split);
    if (other) throw dataError(`${root} has two folders of validation pictures: ${other.name} and ${item.name}`);
    splits.set(split, item);
  }
  return splits;
}

/** Whether a path is a folder with pictures in it, or in its folders, or in theirs: what imageFolder() opens, or explains. */
export function holdsPictures(path: string, depth = 2): boolean {
  try {
    const items = readdirSync(path, { withFileTypes: true }).filter(({ name }) => !isLitter(name));
    if (items.some((item) => !item.isDirectory() && isPictureName(item.name))) return true;
    return depth > 0 && items.some((item) => !item.isFile() && holdsPictures(join(path, item.name), depth - 1));
  } catch {
    return false;
  }
}

/**
 * Finds the pictures and classes of a folder. Class folders come in the order of their names; so do the pictures of a class.
 * @throws ERR_DATA if there are no class folders or only one, a class is empty, names of classes differ only by case, folders are
 * nested, or a folder cannot be read; the signal's reason
 */
export async function findPictures(root: string, signal?: AbortSignal): Promise<FoundPictures> {
  const items = list(root);
  const folders = items.filter(isFolder);
  const ignored = items.filter((item) => !isFolder(item)).map(({ name }) => name);
  const splits = splitsOf(root, folders);
  if (!splits) {
    const classNames = classesOf(root, folders, ignored);
    const pictures = await picturesOf(root, '', folders, { classNames, ignored, signal });
    return { splits: [{ name: 'train', pictures }], classNames, ignored: ignored.filter(isReported) };
  }
  const classFolders = (name: string) => {
    const inside = list(join(root, name));
    const files = inside.filter((item) => !isFolder(item)).map((item) => item.name);
    ignored.push(...files.map((file) => `${name}/${file}`));
    return inside.filter(isFolder);
  };
  const train = classFolders('train');
  const classNames = classesOf(join(root, 'train'), train, ignored);
  const found: { name: PictureSplitName; pictures: FoundPicture[] }[] = [];
  for (const split of ['train', 'validation', 'test'] as const) {
    const folder = splits.get(split);
    if (!folder) continue;
    const own = split === 'train' ? train : classFolders(folder.name);
    const place = join(root, folder.name);
    const pictures = await picturesOf(place, `${folder.name}/`, own, { classNames, ignored, signal });
    if (pictures.length === 0) throw dataError(`The folder ${place} has no pictures in class folders`);
    found.push({ name: split, pictures });
  }
  return { splits: found, classNames, ignored: ignored.filter(isReported) };
}

/** Whether a file that is no picture is worth a line: a picture that lies outside of the class folders, or another kind of file. */
const isReported = (name: string): boolean => !isLitter(basename(name));

/** Checks class folders, and returns their names. @throws ERR_DATA */
function classesOf(root: string, folders: readonly Item[], files: readonly string[]): string[] {
  const names = folders.map(({ name }) => name);
  if (names.length === 0) {
    const lying = files.some(isPictureName)
      ? ': pictures lie in it directly. Put them into one folder for each class'
      : '';
    throw dataError(`Expected one folder for each class in ${root} but found none${lying}`);
  }
  if (names.length === 1) throw dataError(`Expected at least 2 class folders in ${root} but found 1 (${names[0]})`);
  const seen = new Map<string, Item>();
  const places = new Map<string, Item>();
  const top = realpathSync(root);
  for (const folder of folders) {
    const plain = folder.name.normalize('NFC').toLowerCase();
    const same = seen.get(plain);
    if (same)
      throw dataError(
        `The names of two class folders in ${root} differ only by case or by how accents are encoded: ${same.name} and ${folder.name}`,
      );
    seen.set(plain, folder);
    const place = realpathSync(folder.path);
    if (`${top}/`.startsWith(`${place}/`))
      throw dataError(`The class folder ${join(root, folder.name)} is a link to a folder that holds it`);
    const linked = places.get(place);
    if (linked)
      throw dataError(`Two class folders in ${root} are one folder, by a link: ${linked.name} and ${folder.name}`);
    places.set(place, folder);
  }
  return names;
}

interface Finding {
  readonly classNames: readonly string[];
  /** Names of files that are no pictures are added here. */
  readonly ignored: string[];
  readonly signal?: AbortSignal;
}

async function picturesOf(
  place: string,
  prefix: string,
  folders: readonly Item[],
  { classNames, ignored, signal }: Finding,
): Promise<FoundPicture[]> {
  const pictures: FoundPicture[] = [];
  const isTraining = prefix === '' || prefix === 'train/';
  for (const folder of folders) {
    // To list many files takes seconds: let others run, and let a signal end it.
    await setImmediate();
    signal?.throwIfAborted();
    const label = classNames.indexOf(folder.name);
    if (label < 0)
      throw dataError(`${join(place, folder.name)} is no class of the training set: ${classNames.join(', ')}`);
    if (typeof folder.path !== 'string')
      throw dataError(`The name of the class folder ${join(place, folder.name)} is not UTF-8`);
    const items = list(folder.path);
    const nested = items.find(isFolder);
    if (nested) throw nestedError(folder.path, nested, items);
    const before = pictures.length;
    for (const { name, path, stats } of items) {
      const whole = `${prefix}${folder.name}/${name}`;
      if (!isPictureName(name)) ignored.push(whole);
      else pictures.push({ name: whole, path, label, stamp: stats ? `${stats.size} ${stats.mtimeMs}` : '' });
    }
    if (isTraining && pictures.length === before) throw dataError(`The class folder ${folder.path} has no pictures`);
  }
  return pictures;
}

function nestedError(folder: string, nested: Item, items: readonly Item[]): SaturnnError {
  const remedy = items.some(({ name }) => isPictureName(name))
    ? 'Class folders hold pictures only: move or remove the folder'
    : 'Class folders hold pictures only: give the folder that holds the class folders, if they are one level deeper';
  return dataError(`The class folder ${folder} holds the folder ${nested.name}. ${remedy}`);
}
