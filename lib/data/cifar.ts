/** Reads CIFAR-10 and CIFAR-100 in the official binary layout into memory, from a folder or from the official .tar.gz. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { invalid, reasonOf, SaturnnError } from '../errors';
import { readWhole } from '../files/read';
import { arrayOf, flag, oneOf, optional } from '../options/field';
import { checkArgument, type Fields, Options } from '../options/options';
import { entryOf } from '../options/values';
import { checkMd5, md5Of, openStream, requireGzip, unpack } from './archive';
import { archiveOf, binaryFiles, type CifarFiles, cifarFiles, findFolder, findInArchive, isFolder } from './cifarFiles';
import { Dataset } from './dataset';
import { defaultLabels, type LabelKind, type LayoutName, labelKinds, layouts } from './records';
import type { Split } from './source';

/** Options of cifar(), cifar10(), cifar100() and CifarFile.open(). */
export interface CifarOptions {
  /** Kind of labels: "fine" (default: 100 classes of CIFAR-100, 10 of CIFAR-10) or "coarse" (20 classes of CIFAR-100). */
  labels?: LabelKind;
  /**
   * Whether to accept the official data only, by the md5 of the archive and the number of records in each file. Default: true
   * for an archive; false for a folder, which may hold a part of the data, or other images in the same layout.
   */
  verify?: boolean;
}

/** Schema of the options of the readers of CIFAR. */
export const cifarFields: Fields<CifarOptions> = { labels: optional(oneOf(labelKinds)), verify: optional(flag) };

const cifarOptions = new Options('cifar()', cifarFields);

const namesField = arrayOf(oneOf(Object.keys(layouts) as LayoutName[]), 'an array of names of data sets');

/** Returns the names of data sets to look for, checked. @throws ERR_INVALID_ARGUMENT */
export function checkNames(names: readonly LayoutName[]): readonly LayoutName[] {
  if (checkArgument('names', namesField, names).length === 0) throw invalid('names', 'at least one name', names);
  return names;
}

/** The training and the test images of a data set. */
export interface Splits<Source = Dataset> {
  readonly train: Source;
  readonly test: Source;
}

/**
 * Reads CIFAR-100 into memory: images of 32x32x3 bytes, 50,000 for training and 10,000 for testing in the official files.
 * @param path a folder that contains train.bin and test.bin; or one that contains these in a folder cifar-100-binary; or a
 * .tar.gz
 * @throws ERR_DATA, with file and position, if a file is missing, unreadable or malformed; ERR_INVALID_ARGUMENT
 */
export const cifar100 = (path: string, options?: CifarOptions): Promise<Splits> => cifar(path, options, ['cifar100']);

/**
 * Reads CIFAR-10 into memory: images of 32x32x3 bytes, 50,000 for training and 10,000 for testing in the official files.
 * @param path a folder that contains data_batch_1.bin to data_batch_5.bin and test_batch.bin; or one that contains these in a
 * folder cifar-10-batches-bin; or a .tar.gz
 * @throws ERR_DATA, with file and position, if a file is missing, unreadable or malformed; ERR_INVALID_ARGUMENT
 */
export const cifar10 = (path: string, options?: CifarOptions): Promise<Splits> => cifar(path, options, ['cifar10']);

/**
 * Reads CIFAR-100 or CIFAR-10 into memory, whichever the folder or archive contains.
 * @param path a folder or a .tar.gz, as for cifar100() and cifar10()
 * @param names the data sets to look for, in this order; default: both, CIFAR-100 first
 * @throws ERR_DATA, with file and position, if a file is missing, unreadable or malformed; ERR_INVALID_ARGUMENT
 */
export async function cifar(
  path: string,
  options: CifarOptions = {},
  names: readonly LayoutName[] = ['cifar100', 'cifar10'],
): Promise<Splits> {
  if (typeof path !== 'string' || path === '') throw invalid('path', 'a folder or a .tar.gz', path);
  const { labels, verify } = cifarOptions.check(options);
  const candidates = checkNames(names).map((name) => cifarFiles[name]);
  if (isFolder(path)) {
    const { files, folder } = findFolder(path, candidates);
    const read = (name: string, most?: number) => readOrFail(join(folder, name), most);
    const has = (name: string) => existsSync(join(folder, name));
    return assemble(files, { read, has, place: folder }, { labels, verify: verify ?? false });
  }
  if (verify ?? true) {
    await requireGzip(path);
    checkMd5(path, await md5Of(path), archiveOf(path, candidates).archive.md5);
  }
  return cifarFromArchive(await openStream(path), path, { labels, verify: verify ?? true }, names);
}

/**
 * Reads a .tar.gz from a stream, or from memory. `verify` (default false) checks the size of each file, not the md5 of the archive.
 * @param source names the archive in errors
 * @throws ERR_DATA, with file and position; ERR_INVALID_ARGUMENT
 */
export async function cifarFromArchive(
  packed: Uint8Array | Readable,
  source: string,
  { labels, verify = false }: CifarOptions = {},
  names: readonly LayoutName[] = ['cifar100', 'cifar10'],
): Promise<Splits> {
  const candidates = names.map((name) => cifarFiles[name]);
  const wanted = new Set(candidates.flatMap((files) => [...binaryFiles(files), ...Object.values(files.names)]));
  const entries = await unpack(packed, source, { isWanted: (name) => wanted.has(name) });
  const files = findInArchive(source, [...entries.keys()], candidates);
  const read = (name: string) => entries.get(name)!;
  return assemble(files, { read, has: (name) => entries.has(name), place: source }, { labels, verify });
}

/** Reads files by name, from a folder or an archive; `place` names either in errors. */
interface Files {
  /** `most`: most bytes that it may have. */
  read(name: string, most?: number): Uint8Array;
  has(name: string): boolean;
  readonly place: string;
}

function assemble(files: CifarFiles, source: Files, { labels: kind = defaultLabels, verify }: CifarOptions): Splits {
  const label = labelOf(files, kind);
  const nameFile = files.names[kind];
  const classNames =
    nameFile && source.has(nameFile)
      ? readNames(source.read(nameFile, largestNames), join(source.place, nameFile), label.classes)
      : null;
  const make = (split: Split): Dataset => {
    const parts = files.splits[split].map((name) => {
      const path = join(source.place, name);
      const bytes = source.read(name);
      if (verify) checkSize(path, bytes.length, files, split);
      return Dataset.fromRecords(bytes, { layout: files.name, labels: kind, source: path });
    });
    return concatenate(parts).named(classNames);
  };
  return { train: make('train'), test: make('test') };
}

/** Returns the byte of a label in a record and its number of classes. @throws ERR_INVALID_ARGUMENT for an unknown kind */
export function labelOf({ name }: CifarFiles, kind: LabelKind): { readonly byte: number; readonly classes: number } {
  const { labels } = layouts[name];
  const label = entryOf(labels, kind);
  if (!label) throw invalid('labels', `${Object.keys(labels).join(' or ')} for ${name}`, kind);
  return label;
}

/** Checks that a file has the official number of records. @throws ERR_DATA if it has not */
export function checkSize(path: string, bytes: number, { name, title, records }: CifarFiles, split: Split): void {
  const expected = records[split] * layouts[name].bytes;
  if (bytes === expected) return;
  const what = `${expected} bytes (the ${records[split]} records of ${title}) in ${path}`;
  throw new SaturnnError('ERR_DATA', `Expected ${what} but received ${bytes}`);
}

/** Returns the class names in a text file, one per line. @throws ERR_DATA if there are not as many as classes */
export function readNames(bytes: Uint8Array, path: string, classes: number): string[] {
  const lines = Buffer.from(bytes).toString('utf8').split(/\r?\n/);
  const names = lines.map((line) => line.trim()).filter(Boolean);
  if (names.length === classes) return names;
  throw new SaturnnError('ERR_DATA', `Expected ${classes} class names in ${path} but received ${names.length}`);
}

/** Most bytes of a text file of class names. */
export const largestNames = 2 ** 20;

/** Reads a file of a data set. @throws ERR_DATA, also for a pipe or a device; ERR_OUT_OF_MEMORY */
export function readOrFail(path: string, most = Number.MAX_SAFE_INTEGER): Uint8Array {
  try {
    return readWhole(path, most);
  } catch (error) {
    if (error instanceof SaturnnError) throw error;
    throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Joins the parts of one data set, in their order. */
function concatenate([first, ...others]: readonly Dataset[]): Dataset {
  return others.length === 0 ? first! : first!.concat(...others);
}
