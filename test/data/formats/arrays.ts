/** Makes files of IDX, npy and npz. Imports no test framework, because bench/fuzz.ts uses it. */
import { crc32, deflateRawSync } from 'node:zlib';

/** Makes an IDX file. `type`: 8 for unsigned bytes. */
export function idxBytes(shape: readonly number[], data: Uint8Array, type = 8): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = type;
  header[3] = shape.length;
  shape.forEach((size, index) => {
    header.writeUInt32BE(size, 4 + 4 * index);
  });
  return Buffer.concat([header, data]);
}

export interface NpyParts {
  descr?: string;
  shape: readonly number[];
  data: Uint8Array;
  fortran?: boolean;
  version?: number;
  /** The whole header, in place of the one that the parts make. */
  header?: string;
}

/** Makes an npy file as NumPy writes it: the data begin at a multiple of 64 bytes. */
export function npyBytes({ descr = '|u1', shape, data, fortran = false, version = 1, header }: NpyParts): Buffer {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dict = header ?? `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${sizes}), }`;
  const fixed = version === 1 ? 10 : 12;
  const length = Math.ceil((fixed + dict.length + 1) / 64) * 64 - fixed;
  const head = Buffer.alloc(fixed + length, ' ');
  head.write('\x93NUMPY', 'latin1');
  head[6] = version;
  head[7] = 0;
  if (version === 1) head.writeUInt16LE(length, 8);
  else head.writeUInt32LE(length, 8);
  head.write(dict, fixed, 'latin1');
  head[head.length - 1] = 10;
  return Buffer.concat([head, data]);
}

/** Returns the bytes of an array of numbers. */
export const bytesOf = (array: ArrayBufferView): Buffer =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** Makes a zip archive, deflated or stored, as np.savez does. */
export function zipBytes(files: Readonly<Record<string, Uint8Array>>, { deflate = true } = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const packed = deflate ? deflateRawSync(bytes) : Buffer.from(bytes);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(deflate ? 8 : 0, 4);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50);
    fields.copy(entry, 6);
    entry.writeUInt32LE(at, 42);
    directory.push(entry, Buffer.from(name));
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed]);
    parts.push(local);
    at += local.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  const count = Object.keys(files).length;
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...directory, end]);
}
