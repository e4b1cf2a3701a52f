/**
 * Checks the pages of a Parquet file before hyparquet decodes them. hyparquet believes the sizes and counts that a page claims: a damaged
 * one may send it back and forth without end, or make it write billions of values.
 */
import { CompactReader, type CompactStruct } from './compactReader';
import { checkDeltas, checkRuns } from './runs';

/** Fields of the header of a page. */
const fields = { type: 1, uncompressedSize: 2, compressedSize: 3, data: 5, dictionary: 7, dataV2: 8 };

/** Fields of the headers of each type of page; the number of values comes first in all. */
const values = 1;
const encodingOf = { data: 2, dataV2: 4 };
const v2 = { nulls: 2, definitionBytes: 5, repetitionBytes: 6, isCompressed: 7 };

/** Types of pages. */
const pageTypes = { data: 0, dictionary: 2, dataV2: 3 };

/** Encodings of values, by the name that Parquet has for them. */
const encodings = {
  plain: 0,
  plainDictionary: 2,
  deltaBinaryPacked: 5,
  deltaLengthByteArray: 6,
  deltaByteArray: 7,
  rleDictionary: 8,
  byteStreamSplit: 9,
};

/** A column whose pages are checked. */
export interface CheckedColumn {
  /** The number of rows in the group; a column without lists has at most as many values. */
  readonly rows: number;
  /** The largest definition level: how many of the elements that lead to the column are optional. 0: no value is missing. */
  readonly definition: number;
  /** Unpacks the bytes of a page to `size` bytes. */
  unpack(packed: Uint8Array, size: number): Uint8Array;
}

/** The header of a page, and the bytes that follow it. */
interface Page {
  readonly header: CompactStruct;
  readonly packed: Uint8Array;
  readonly unpackedSize: number;
}

/** Checks the pages of one column in a group of rows. @throws Error that says what is wrong, and where */
export function checkPages(chunk: Uint8Array, column: CheckedColumn): void {
  const reader = new CompactReader(chunk, 'the header of a page');
  let rows = 0;
  while (reader.at < chunk.length - 1) {
    const begin = reader.at;
    const header = reader.struct();
    const [unpacked, size] = [header.numbers.get(fields.uncompressedSize), header.numbers.get(fields.compressedSize)];
    const end = reader.at + (size ?? -1);
    if (size === undefined || size < 0 || end > chunk.length || unpacked === undefined || unpacked < 0)
      throw new Error(
        `a page at byte ${begin} of its column claims ${size ?? 'an unknown number of'} bytes, but ${chunk.length - reader.at} follow`,
      );
    try {
      const page = { header, packed: chunk.subarray(reader.at, end), unpackedSize: unpacked };
      rows += checkPage(page, { ...column, rows: column.rows - rows });
    } catch (error) {
      throw new Error(`a page at byte ${begin} of its column is damaged: ${(error as Error).message}`, {
        cause: error,
      });
    }
    reader.at = end;
  }
}

/** Checks a page, and returns the number of its values, 0 for a dictionary. */
function checkPage(page: Page, column: CheckedColumn): number {
  const { numbers, structs } = page.header;
  const type = numbers.get(fields.type);
  if (type === pageTypes.dictionary) {
    const count = structs.get(fields.dictionary)?.numbers.get(values);
    // A value takes at least a bit.
    checkCount(count, 8 * page.unpackedSize);
    return 0;
  }
  if (type !== pageTypes.data && type !== pageTypes.dataV2) throw new Error(`it has the unknown type ${type}`);
  const isV2 = type === pageTypes.dataV2;
  const own = structs.get(isV2 ? fields.dataV2 : fields.data)?.numbers ?? new Map<number, number>();
  const count = checkCount(own.get(values), column.rows);
  const encoding = own.get(isV2 ? encodingOf.dataV2 : encodingOf.data);
  const { bytes, at, present } = isV2 ? withoutLevelsV2(page, own, count, column) : withoutLevels(page, count, column);
  checkValues(bytes, at, encoding, present);
  return count;
}

function checkCount(count: number | undefined, most: number): number {
  if (count !== undefined && count >= 0 && count <= most) return count;
  throw new Error(`it claims ${count ?? 'an unknown number of'} values, of which there can be ${most}`);
}

/** The values of a page: the bytes that hold them, where they begin, and how many there are. */
interface Values {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly present: number;
}

const bitsOf = (level: number): number => 32 - Math.clz32(level);

/** Checks the levels of a page, which come first among its unpacked bytes, after their length. */
function withoutLevels({ packed, unpackedSize }: Page, count: number, { definition, unpack }: CheckedColumn): Values {
  const bytes = unpack(packed, unpackedSize);
  if (definition === 0) return { bytes, at: 0, present: count };
  const length = bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const at = 4 + length;
  if (at > bytes.length) throw new Error(`its levels would end at byte ${at}, but it has ${bytes.length}`);
  const present = checkRuns(bytes.subarray(0, at), 4, { width: bitsOf(definition), count, counted: definition });
  return { bytes, at, present };
}

/** Checks the levels of a page of version 2, which come before its packed bytes. */
function withoutLevelsV2(
  { packed, unpackedSize }: Page,
  header: ReadonlyMap<number, number>,
  count: number,
  { definition, unpack }: CheckedColumn,
): Values {
  const [definitionBytes, repetitionBytes] = [header.get(v2.definitionBytes) ?? 0, header.get(v2.repetitionBytes) ?? 0];
  const at = definitionBytes + repetitionBytes;
  if (definitionBytes < 0 || repetitionBytes < 0 || at > packed.length || at > unpackedSize)
    throw new Error(`its levels have ${at} bytes, but it has ${packed.length}`);
  const levels = packed.subarray(0, at);
  if (definition > 0) checkRuns(levels, repetitionBytes, { width: bitsOf(definition), count });
  const present = count - checkCount(header.get(v2.nulls) ?? 0, count);
  // hyparquet takes the bytes after the repetition levels and the definition levels that it has read.
  const rest = packed.subarray(definition > 0 ? at : repetitionBytes);
  const isPacked = header.get(v2.isCompressed) !== 0 && unpackedSize > at;
  return { bytes: isPacked ? unpack(rest, unpackedSize - at) : rest, at: 0, present };
}

function checkValues(bytes: Uint8Array, at: number, encoding: number | undefined, count: number): void {
  if (encoding === encodings.plain || encoding === encodings.byteStreamSplit) return;
  if (encoding === encodings.plainDictionary || encoding === encodings.rleDictionary) {
    const width = bytes[at] ?? 0;
    if (width > 32) throw new Error(`its indices have ${width} bits`);
    // hyparquet reads no runs where every index is 0 in version 1; in version 2 it does.
    if (count > 0 && at + 1 < bytes.length) checkRuns(bytes, at + 1, { width, count });
  } else if (encoding === encodings.deltaBinaryPacked || encoding === encodings.deltaLengthByteArray)
    checkDeltas(bytes, at, count);
  else if (encoding === encodings.deltaByteArray) checkDeltas(bytes, checkDeltas(bytes, at, count), count);
  else throw new Error(`its values have the encoding ${encoding}, which is not read`);
}

/** Checks that the footer of a file can be read to its end. @throws Error that says what is wrong */
export function checkFooter(footer: Uint8Array): void {
  new CompactReader(footer, 'its footer').struct();
}
