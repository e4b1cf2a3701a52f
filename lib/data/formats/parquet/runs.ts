/** Checks the encodings of integers in Parquet's pages in which a few bytes may claim billions of values. */
import { CompactReader } from './compactReader';

/** Values that the last run of bits may have beyond those that are needed: writers fill it up. */
const mostPadding = 512;

/** The integers of a hybrid of runs. */
interface Runs {
  /** Bits of an integer, 0 to 32. */
  readonly width: number;
  /** The number of integers. */
  readonly count: number;
  /** An integer whose occurrences are counted. Default: none is. */
  readonly counted?: number;
}

/**
 * Checks runs of equal integers and runs of packed bits ("RLE / bit-packed hybrid") from byte `at` on.
 * @returns how many of the integers are `counted`
 * @throws Error if a run claims more integers than are left, or none, or if the bytes end too early
 */
export function checkRuns(bytes: Uint8Array, at: number, { width, count, counted = -1 }: Runs): number {
  const reader = new CompactReader(bytes, 'a run of integers');
  reader.at = at;
  let found = 0;
  for (let seen = 0; seen < count; ) {
    const header = reader.varint();
    const isPacked = header % 2 === 1;
    const claimed = isPacked ? 8 * ((header - 1) / 2) : header / 2;
    const left = count - seen;
    if (claimed === 0 || claimed > left + (isPacked ? mostPadding : 0))
      throw new Error(`a run of integers claims ${claimed} of them, but ${left} are left`);
    const begin = reader.at;
    reader.at += isPacked ? (claimed / 8) * width : Math.ceil(width / 8);
    if (reader.at > bytes.length) throw new Error('a run of integers ends too early');
    const most = Math.min(claimed, left);
    if (!isPacked) found += integerAt(bytes, begin, 0, width) === counted ? most : 0;
    else if (counted >= 0)
      for (let index = 0; index < most; index++) if (integerAt(bytes, begin, index * width, width) === counted) found++;
    seen += claimed;
  }
  return found;
}

/** Reads an integer of `width` bits, the lowest first, `bit` bits after a byte. */
function integerAt(bytes: Uint8Array, byte: number, bit: number, width: number): number {
  let value = 0;
  for (let index = 0; index < width; index++) {
    const at = bit + index;
    value += ((bytes[byte + (at >> 3)]! >> (at & 7)) & 1) * 2 ** index;
  }
  return value;
}

/**
 * Checks the blocks of differences of DELTA_BINARY_PACKED from byte `at` on.
 * @returns the byte after them
 * @throws Error if the sizes of blocks are none, or the bytes end too early
 */
export function checkDeltas(bytes: Uint8Array, at: number, count: number): number {
  const reader = new CompactReader(bytes, 'a block of differences');
  reader.at = at;
  const [block, parts] = [reader.varint(), reader.varint()];
  const size = block / parts;
  if (!(block < 2 ** 31 && size >= 32 && size % 32 === 0))
    throw new Error(`a block of differences claims ${block} values in ${parts} parts`);
  reader.varint(); // the number of values, which the page's header says
  reader.varint(); // the first value
  for (let done = 1; done < count; ) {
    reader.varint(); // the least difference
    const widths = bytes.subarray(reader.at, reader.at + parts);
    reader.at += parts;
    for (let part = 0; part < parts && done < count; part++) {
      reader.at += ((widths[part] ?? 0) * size) / 8;
      done += size;
    }
    if (reader.at > bytes.length) throw new Error('a block of differences ends too early');
  }
  return reader.at;
}
