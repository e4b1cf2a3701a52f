/** One open Parquet file of pictures and labels. */
import type { FileHandle } from 'node:fs/promises';
import { reasonOf, SaturnnError } from '../../../errors';
import { allocate, openRegularLater, readExactly } from '../../../files/read';
import type { FoundFile } from '../findFiles';
import { type ChosenColumns, definitionLevelOf, findColumns, type PictureColumns } from './columns';
import { type AsyncBuffer, type Hyparquet, loadHyparquet, type ParquetMetadata } from './hyparquet';
import { checkFooter, checkPages } from './pages';

/** Rows that are stored together, and read at once. */
export interface RowGroup {
  /** Number of the first row in the file. */
  readonly first: number;
  readonly count: number;
}

/** A Parquet file with a column of pictures and one of labels. */
export class ParquetFile {
  private constructor(
    readonly file: FoundFile,
    readonly columns: PictureColumns,
    readonly groups: readonly RowGroup[],
    private readonly reader: Hyparquet,
    private readonly metadata: ParquetMetadata,
    private readonly handle: FileHandle,
    private readonly buffer: AsyncBuffer,
  ) {}

  /** Opens a file and reads its schema. @throws ERR_DATA if it is no Parquet file or lacks a column; ERR_PACKAGE without hyparquet */
  static async open(file: FoundFile, chosen: ChosenColumns): Promise<ParquetFile> {
    const reader = await loadHyparquet();
    const { path } = file;
    const { handle, size } = await openRegularLater(path).catch((error) => {
      throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
    });
    try {
      const buffer = bufferOf(handle, size, path);
      const metadata = await orInvalid(path, async () => {
        await checkFooterOf(buffer);
        return reader.metadata(buffer);
      });
      const groups = groupsOf(metadata, size, path);
      const columns = await orInvalid(path, async () => findColumns(metadata, path, chosen));
      return new ParquetFile(file, columns, groups, reader, metadata, handle, buffer);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The number of rows. */
  get rows(): number {
    return this.groups.reduce((sum, { count }) => sum + count, 0);
  }

  /** Reads the values of a column in the rows `begin` to `end` - 1. @throws ERR_DATA */
  async column(name: string, begin: number, end: number): Promise<unknown[]> {
    const { path } = this.file;
    const values = await orInvalid(path, async () => {
      await this.#checkPages(name, begin, end);
      return this.reader.column(this.buffer, this.metadata, name, begin, end);
    });
    if (values.length === end - begin) return values;
    throw invalidFile(path, `its rows ${begin} to ${end - 1} have ${values.length} values in column ${name}`);
  }

  /** Checks the pages of a column in the groups that have the rows `begin` to `end` - 1. @throws Error; ERR_DATA */
  async #checkPages(name: string, begin: number, end: number): Promise<void> {
    for (const [index, { first, count: rows }] of this.groups.entries()) {
      if (first >= end || first + rows <= begin) continue;
      for (const { meta_data: column } of this.metadata.row_groups[index]!.columns) {
        if (column?.path_in_schema[0] !== name) continue;
        const from = Number(column.dictionary_page_offset || column.data_page_offset);
        const chunk = new Uint8Array(await this.buffer.slice(from, from + Number(column.total_compressed_size)));
        const definition = definitionLevelOf(this.metadata.schema, column.path_in_schema);
        const unpack = (packed: Uint8Array, size: number) => this.reader.unpack(column.codec, packed, size);
        checkPages(chunk, { rows, definition, unpack });
      }
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** Checks the footer of a file; what ends a file is checked by hyparquet. */
async function checkFooterOf(buffer: AsyncBuffer): Promise<void> {
  const { byteLength: size } = buffer;
  if (size < 12) return;
  const length = new DataView(await buffer.slice(size - 8)).getUint32(0, true);
  if (length <= size - 8) checkFooter(new Uint8Array(await buffer.slice(size - 8 - length, size - 8)));
}

/** Returns the groups of rows. A row has a picture, so a file cannot have more rows than bytes. */
function groupsOf({ row_groups: groups }: ParquetMetadata, size: number, path: string): RowGroup[] {
  let first = 0;
  return groups.map(({ num_rows: rows }) => {
    const group = { first, count: Number(rows) };
    if (!(group.count >= 0 && first + group.count <= size)) throw invalidFile(path, `a group of rows has ${rows} rows`);
    first += group.count;
    return group;
  });
}

/** Reads ranges of an open file. A range that a damaged file asks for is checked before memory is taken for it. */
function bufferOf(handle: FileHandle, size: number, path: string): AsyncBuffer {
  return {
    byteLength: size,
    async slice(start, end = size) {
      const from = start < 0 ? Math.max(0, size + start) : start;
      if (!(from <= end && end <= size))
        throw invalidFile(path, `it refers to the bytes ${from} to ${end}, but has ${size}`);
      const memory = allocate(end - from, `A part of ${path}`);
      await readExactly(handle, new Uint8Array(memory), from);
      return memory;
    },
  };
}

const invalidFile = (path: string, what: string, cause?: unknown): SaturnnError =>
  new SaturnnError('ERR_DATA', `${path} is not a Parquet file that can be read: ${what}`, { cause });

/** Turns an error of the reader into ERR_DATA. */
async function orInvalid<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SaturnnError) throw error;
    throw invalidFile(path, reasonOf(error).split('\n')[0]!, error);
  }
}
