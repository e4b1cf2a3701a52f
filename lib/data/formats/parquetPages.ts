/**
 * Checks the sizes in the headers of a Parquet file's pages. hyparquet goes on by the size that a header claims, so that a damaged one
 * may send it back and forth without end.
 */

/** The fields of a header that are looked at. */
const [uncompressedSize, compressedSize] = [2, 3];

/** Types of Thrift's compact protocol. */
const types = {
  stop: 0,
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  struct: 12,
};

/** Most structs and lists within each other. A header has three. */
const deepest = 8;

/** Checks the pages of one column in a group of rows. @throws Error that says what is wrong, and where */
export function checkPages(chunk: Uint8Array): void {
  const reader = new CompactReader(chunk);
  while (reader.at < chunk.length - 1) {
    const begin = reader.at;
    const fields = reader.struct(0);
    const [unpacked, packed] = [fields.get(uncompressedSize), fields.get(compressedSize)];
    const end = reader.at + (packed ?? -1);
    if (packed === undefined || packed < 0 || end > chunk.length || unpacked === undefined || unpacked < 0)
      throw new Error(
        `a page at byte ${begin} of its column claims ${packed ?? 'an unknown number of'} bytes, but ${chunk.length - reader.at} follow`,
      );
    reader.at = end;
  }
}

/** Reads the compact protocol of Thrift as far as headers need it: integers of the outermost struct; the rest is passed over. */
class CompactReader {
  at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** Reads a struct and returns its integers by the number of the field. */
  struct(depth: number): Map<number, number> {
    if (depth > deepest) throw new Error('the header of a page is nested too deeply');
    const integers = new Map<number, number>();
    let field = 0;
    for (;;) {
      const byte = this.#byte();
      const type = byte & 15;
      if (type === types.stop) return integers;
      field = byte >> 4 ? field + (byte >> 4) : this.#zigZag();
      if (type === types.i16 || type === types.i32) integers.set(field, this.#zigZag());
      else this.#skip(type, depth);
    }
  }

  #byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Error('the header of a page ends too early');
    return byte;
  }

  #varint(): number {
    let value = 0;
    // A number of 64 bits has at most ten bytes.
    for (let index = 0; index < 10; index++) {
      const byte = this.#byte();
      value += (byte & 127) * 2 ** (7 * index);
      if (byte < 128) return value;
    }
    throw new Error('the header of a page has a number without end');
  }

  #zigZag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #skip(type: number, depth: number): void {
    if (type === types.true || type === types.false) return;
    if (type === types.byte) this.at++;
    else if (type === types.i16 || type === types.i32 || type === types.i64) this.#varint();
    else if (type === types.double) this.at += 8;
    else if (type === types.binary) this.at += this.#varint();
    else if (type === types.struct) this.struct(depth + 1);
    else if (type === types.list || type === types.set) this.#skipList(depth);
    else throw new Error('the header of a page has a field of an unknown type');
  }

  #skipList(depth: number): void {
    if (depth > deepest) throw new Error('the header of a page is nested too deeply');
    const byte = this.#byte();
    const count = byte >> 4 === 15 ? this.#varint() : byte >> 4;
    // An element takes at least a byte.
    if (count > this.bytes.length - this.at) throw new Error('the header of a page claims a list that is too long');
    const type = byte & 15;
    for (let index = 0; index < count; index++) {
      if (type === types.true || type === types.false) this.at++;
      else this.#skip(type, depth + 1);
    }
  }
}
