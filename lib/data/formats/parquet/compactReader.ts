/** Reads the compact protocol of Thrift, in which Parquet writes its headers and its footer, as far as checks of them need it. */

/** Types of the protocol. */
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

/** Most structs and lists within each other. A footer has ten. */
const deepest = 16;

/** The integers and booleans (1 and 0) of a struct, and the structs within it, by the number of the field. */
export interface CompactStruct {
  readonly numbers: ReadonlyMap<number, number>;
  readonly structs: ReadonlyMap<number, CompactStruct>;
}

/** Reads one struct after another. @throws Error that says what is wrong */
export class CompactReader {
  /** Number of the next byte. */
  at = 0;

  /** @param what names the bytes in errors: "the header of a page" */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly what: string,
  ) {}

  /** Reads a struct. Texts, lists and floating-point numbers are passed over. */
  struct(depth = 0): CompactStruct {
    if (depth > deepest) throw this.#error('is nested too deeply');
    const numbers = new Map<number, number>();
    const structs = new Map<number, CompactStruct>();
    let field = 0;
    for (;;) {
      const byte = this.#byte();
      const type = byte & 15;
      if (type === types.stop) return { numbers, structs };
      field = byte >> 4 ? field + (byte >> 4) : this.#zigZag();
      if (type === types.true || type === types.false) numbers.set(field, type === types.true ? 1 : 0);
      else if (type === types.i16 || type === types.i32) numbers.set(field, this.#zigZag());
      else if (type === types.struct) structs.set(field, this.struct(depth + 1));
      else this.#skip(type, depth);
    }
  }

  /** Reads an unsigned number of at most 64 bits. */
  varint(): number {
    let value = 0;
    // A number of 64 bits has at most ten bytes.
    for (let index = 0; index < 10; index++) {
      const byte = this.#byte();
      value += (byte & 127) * 2 ** (7 * index);
      if (byte < 128) return value;
    }
    throw this.#error('has a number without end');
  }

  #byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw this.#error('ends too early');
    return byte;
  }

  #zigZag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #skip(type: number, depth: number): void {
    if (type === types.byte) this.at++;
    else if (type === types.i16 || type === types.i32 || type === types.i64) this.varint();
    else if (type === types.double) this.at += 8;
    else if (type === types.binary) this.#skipBytes();
    else if (type === types.struct) this.struct(depth + 1);
    else if (type === types.list || type === types.set) this.#skipList(depth);
    else throw this.#error('has a field of an unknown type');
  }

  #skipBytes(): void {
    const length = this.varint();
    this.at += length;
  }

  #skipList(depth: number): void {
    if (depth > deepest) throw this.#error('is nested too deeply');
    const byte = this.#byte();
    const count = byte >> 4 === 15 ? this.varint() : byte >> 4;
    // An element takes at least a byte.
    if (count > this.bytes.length - this.at) throw this.#error('claims a list that is too long');
    const type = byte & 15;
    for (let index = 0; index < count; index++) {
      if (type === types.true || type === types.false) this.at++;
      else this.#skip(type, depth + 1);
    }
  }

  #error(what: string): Error {
    return new Error(`${this.what} ${what}`);
  }
}
