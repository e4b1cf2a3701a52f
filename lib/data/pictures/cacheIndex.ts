/**
 * The index of a cache of decoded pictures: which record of the file of records belongs to which picture. It is the only file that says
 * that records are complete, and it is replaced atomically.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../../files/durable';
import { readJsonFile } from '../../files/json';
import { isArray } from '../../options/values';
import type { ImageShape } from '../source';
import type { Decoding } from './decode';
import type { PictureSplit } from './pictureSet';

/** Changes when the meaning of the files does: a cache of another format is made anew. */
export const cacheFormat = 1;

/** Names of files in the folder of a cache. */
export const indexName = 'index.json';
export const journalName = 'journal.jsonl';

/** The line of the index about one decoded picture. */
export interface Entry {
  readonly name: string;
  /** As PictureSet.stampOf() was when the picture was read; "": the picture is to be read again in any case. */
  readonly stamp: string;
  /** Hash of the encoded bytes; "" if they could not be read. */
  readonly hash: string;
  /** Number of its record in the file, from 0; -1: the picture is broken. */
  readonly record: number;
  /** Height and width of the encoded picture; 0 if they are not known. */
  readonly height: number;
  readonly width: number;
  /** Why the picture is broken; "" if it is not. */
  readonly reason: string;
}

/** The index of a complete cache. */
export interface CacheIndex {
  /** As in PictureSet. */
  readonly source: string;
  readonly splits: readonly PictureSplit[];
  readonly classes: number;
  readonly classNames: readonly string[] | null;
  readonly labels: readonly number[];
  readonly decoding: Decoding;
  /** Name of the file of records. */
  readonly file: string;
  /** The number of records in the file that may be read; some may belong to no picture any more. */
  readonly capacity: number;
  /** One entry per picture, in the order of the set. */
  readonly entries: readonly Entry[];
}

/** Entries as JSON has them: one array per field, so that names of fields are not repeated for each picture. */
type Columns = { readonly [Field in keyof Entry]: readonly Entry[Field][] };

const columnsOf = (entries: readonly Entry[]): Columns => ({
  name: entries.map(({ name }) => name),
  stamp: entries.map(({ stamp }) => stamp),
  hash: entries.map(({ hash }) => hash),
  record: entries.map(({ record }) => record),
  height: entries.map(({ height }) => height),
  width: entries.map(({ width }) => width),
  reason: entries.map(({ reason }) => reason),
});

/** Bytes of one record. */
export const recordBytes = ([height, width, channels]: ImageShape): number => height * width * channels;

/** Replaces the index of a cache. @throws ERR_OUTPUT */
export function writeIndex(folder: string, { entries, ...index }: CacheIndex): void {
  const content = JSON.stringify({ format: cacheFormat, ...index, entries: columnsOf(entries) });
  writeAtomically(join(folder, indexName), `${content}\n`);
}

/** Reads the index of a cache. Null: there is none, it is damaged, or the records that it names are not all there. */
export function readIndex(folder: string): CacheIndex | null {
  try {
    const { format, entries, ...index } = readJsonFile(join(folder, indexName)) as CacheIndex & {
      format: number;
      entries: Columns;
    };
    if (format !== cacheFormat) return null;
    const whole = { ...index, entries: rowsOf(entries) };
    return isWhole(whole, folder) ? whole : null;
  } catch {
    return null;
  }
}

function rowsOf({ name, stamp, hash, record, height, width, reason }: Columns): Entry[] {
  return name.map((text, index) => ({
    name: text,
    stamp: stamp[index]!,
    hash: hash[index]!,
    record: record[index]!,
    height: height[index]!,
    width: width[index]!,
    reason: reason[index]!,
  }));
}

function isWhole({ entries, labels, capacity, file, decoding, classes }: CacheIndex, folder: string): boolean {
  if (!isArray(labels) || labels.length !== entries.length) return false;
  const fits = (record: number) => Number.isInteger(record) && record >= -1 && record < capacity;
  if (!entries.every(isEntry) || !entries.every(({ record }) => fits(record))) return false;
  if (!labels.every((label) => Number.isInteger(label) && label >= 0 && label < classes)) return false;
  return capacity === 0 || statSync(join(folder, file)).size >= capacity * recordBytes(decoding.shape);
}

const isEntry = ({ name, stamp, hash, record, reason }: Entry): boolean =>
  [name, stamp, hash, reason].every((text) => typeof text === 'string') && record >= -1;
