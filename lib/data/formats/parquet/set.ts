/** The pictures of Parquet files, as a PictureSet. */
import { resolve } from 'node:path';
import { SaturnnError, show } from '../../../errors';
import { labelsOf } from '../../givenLabels';
import type { EncodedPicture, PictureSet, PictureSplit } from '../../pictures/pictureSet';
import { mostClasses } from '../array';
import { bySplit, findFiles } from '../findFiles';
import { partOf } from '../parts';
import type { ChosenColumns } from './columns';
import { ParquetFile } from './file';

/** Whether a file's name is that of a Parquet file. */
export const isParquetName = (name: string): boolean => /\.(parquet|pq)$/i.test(name);

/** A file of the set, and the index of its first picture. */
interface Part {
  readonly file: ParquetFile;
  readonly first: number;
}

/** Pictures in the rows of Parquet files. The labels are in memory; pictures are read by groups of rows. */
export class ParquetSet implements PictureSet {
  readonly ignored: readonly string[] = [];

  private constructor(
    readonly source: string,
    readonly splits: readonly PictureSplit[],
    readonly labels: Int32Array,
    readonly classes: number,
    readonly classNames: readonly string[] | null,
    private readonly parts: readonly Part[],
  ) {}

  /**
   * Opens the Parquet files at a path and reads all labels.
   * @throws ERR_DATA if there are no files, a file is malformed or lacks a column, or a label is none; ERR_PACKAGE; the signal's reason
   */
  static async open(path: string, chosen: ChosenColumns, abort?: AbortSignal): Promise<ParquetSet> {
    const root = resolve(path);
    const found = findFiles(path, isParquetName);
    if (found.length === 0) throw new SaturnnError('ERR_DATA', `Expected Parquet files in ${root} but found none`);
    const parts: Part[] = [];
    try {
      let first = 0;
      const splits: PictureSplit[] = [];
      for (const { name, files } of bySplit(found, root)) {
        const before = first;
        for (const own of files) {
          abort?.throwIfAborted();
          const file = await ParquetFile.open(own, chosen);
          parts.push({ file, first });
          first += file.rows;
        }
        if (first > before) splits.push({ name, count: first - before });
      }
      if (splits[0]?.name !== 'train')
        throw new SaturnnError('ERR_DATA', `Expected pictures for training in ${root} but found no rows`);
      const { labels, classes, classNames } = await readLabels(parts, first, abort);
      return new ParquetSet(root, splits, labels, classes, classNames, parts);
    } catch (error) {
      await closeAll(parts);
      throw error;
    }
  }

  get count(): number {
    return this.labels.length;
  }

  nameOf(index: number): string {
    const { file, first } = partOf(this.parts, index);
    return `${file.file.name}: row ${index - first}`;
  }

  stampOf(index: number): string {
    return partOf(this.parts, index).file.file.stamp;
  }

  /** Reads pictures, one group of rows after another. @throws ERR_DATA if a file is damaged; the signal's reason */
  async *read(indices: Int32Array, abort?: AbortSignal): AsyncGenerator<EncodedPicture, void, void> {
    let at = 0;
    for (const { file, first } of this.parts) {
      for (const group of file.groups) {
        const begin = at;
        const end = first + group.first + group.count;
        while (at < indices.length && indices[at]! < end) at++;
        if (at === begin) continue;
        abort?.throwIfAborted();
        const from = indices[begin]! - first;
        const values = await file.column(file.columns.image, from, indices[at - 1]! - first + 1);
        for (const index of indices.subarray(begin, at)) yield pictureOf(index, values[index - first - from]);
      }
    }
  }

  async close(): Promise<void> {
    await closeAll(this.parts);
  }
}

const closeAll = (parts: readonly Part[]) => Promise.all(parts.map(({ file }) => file.close()));

/** Returns the picture in a row: its bytes, or those of the struct {bytes, path}. */
function pictureOf(index: number, value: unknown): EncodedPicture {
  const bytes = value instanceof Uint8Array ? value : (value as { bytes?: unknown } | null | undefined)?.bytes;
  if (bytes instanceof Uint8Array) return { index, bytes };
  const path = (value as { path?: unknown } | null | undefined)?.path;
  const elsewhere = typeof path === 'string' ? `, only the path ${show(path)}` : '';
  return { index, error: new Error(`the row has no bytes${elsewhere}`) };
}

/** Reads the labels of all files: class indices, or texts that become them. */
async function readLabels(
  parts: readonly Part[],
  count: number,
  abort?: AbortSignal,
): Promise<{ labels: Int32Array; classes: number; classNames: readonly string[] | null }> {
  const classNames = parts[0]!.file.columns.classNames;
  const most = classNames?.length ?? mostClasses;
  const numbers = new Int32Array(count);
  const texts: string[] = [];
  for (const { file, first } of parts) {
    for (const group of file.groups) {
      abort?.throwIfAborted();
      const values = await file.column(file.columns.label, group.first, group.first + group.count);
      values.forEach((value, row) => {
        const index = first + group.first + row;
        if (typeof value === 'string') texts[index] = value;
        else
          numbers[index] = checkLabel(
            value,
            most,
            () => `row ${group.first + row} of ${file.file.path} (column ${file.columns.label})`,
          );
      });
    }
  }
  if (texts.length === 0) return { labels: numbers, classes: classNames?.length ?? largest(numbers) + 1, classNames };
  // A row with a number left a hole.
  if (texts.length < count || texts.includes(undefined as never))
    throw new SaturnnError(
      'ERR_DATA',
      `The labels of ${parts[0]!.file.file.path} and the other files are numbers and texts`,
    );
  return labelsOf(texts) as { labels: Int32Array; classes: number; classNames: readonly string[] };
}

const largest = (labels: Int32Array): number => labels.reduce((most, label) => Math.max(most, label), 0);

function checkLabel(value: unknown, classes: number, place: () => string): number {
  const label = typeof value === 'bigint' ? Number(value) : value;
  if (typeof label === 'number' && Number.isInteger(label) && label >= 0 && label < classes) return label;
  const hint = label === -1 ? ' (-1 stands for an unknown label)' : '';
  const found = value === null || value === undefined ? 'none' : show(value);
  throw new SaturnnError(
    'ERR_DATA',
    `Expected a label from 0 to ${classes - 1} in ${place()} but found ${found}${hint}`,
  );
}
