/** The packages that read Parquet: optional peer dependencies, loaded when the first file is opened. */
import { reasonOf, SaturnnError } from '../../../errors';

/** Bytes that hyparquet asks for. */
export interface AsyncBuffer {
  readonly byteLength: number;
  slice(start: number, end?: number): Promise<ArrayBuffer>;
}

/** One element of a schema; the elements of a group follow it. */
export interface SchemaElement {
  readonly name: string;
  readonly type?: string;
  readonly num_children?: number;
  readonly converted_type?: string;
  readonly logical_type?: { readonly type: string };
  readonly repetition_type?: string;
}

/** Where the pages of a column lie. */
export interface ColumnChunk {
  readonly meta_data?: {
    readonly path_in_schema: readonly string[];
    /** How its pages are packed: "SNAPPY". */
    readonly codec: string;
    readonly data_page_offset: bigint;
    readonly dictionary_page_offset?: bigint;
    readonly total_compressed_size: bigint;
  };
}

/** The part of a file's metadata that is used here. */
export interface ParquetMetadata {
  readonly schema: readonly SchemaElement[];
  readonly row_groups: readonly { readonly num_rows: bigint; readonly columns: readonly ColumnChunk[] }[];
  readonly key_value_metadata?: readonly { readonly key: string; readonly value?: string }[];
}

/** The part of hyparquet that is used here. */
export interface Hyparquet {
  metadata(file: AsyncBuffer): Promise<ParquetMetadata>;
  /** Unpacks a page to `size` bytes. @throws Error for an unknown codec, or if the bytes are damaged */
  unpack(codec: string, packed: Uint8Array, size: number): Uint8Array;
  /** Reads one column of the rows `begin` to `end` - 1. */
  column(file: AsyncBuffer, metadata: ParquetMetadata, column: string, begin: number, end: number): Promise<unknown[]>;
}

let loading: Promise<Hyparquet> | null = null;

/** Loads hyparquet. @throws ERR_PACKAGE, with the command that installs it, if it is missing or does not load */
export function loadHyparquet(): Promise<Hyparquet> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Hyparquet> {
  try {
    // Literal names, with `catch` and in a `try`: so bundlers see which packages are needed, and go on where they are not installed.
    const reader = await import('hyparquet').catch(fail);
    const { compressors } = await import('hyparquet-compressors').catch(fail);
    return {
      metadata: (file) => reader.parquetMetadataAsync(file) as Promise<ParquetMetadata>,
      unpack(codec, packed, size) {
        if (codec === 'UNCOMPRESSED') return packed;
        const unpack = compressors[codec as keyof typeof compressors];
        if (!unpack) throw new Error(`its pages are packed by ${codec}, which is not read`);
        const bytes = unpack(packed, size);
        if (bytes.length !== size) throw new Error(`it has ${bytes.length} bytes unpacked, and claims ${size}`);
        return bytes;
      },
      async column(file, metadata, column, rowStart, rowEnd) {
        const options = {
          file,
          metadata: metadata as never,
          columns: [column],
          rowStart,
          rowEnd,
          compressors,
          utf8: false,
        };
        const rows = await reader.parquetReadObjects(options);
        return rows.map((row) => row[column]);
      },
    };
  } catch (error) {
    // A package that is installed later is found then.
    loading = null;
    throw error;
  }
}

function fail(error: unknown): never {
  const missing = /(^|_)MODULE_NOT_FOUND$/.test((error as NodeJS.ErrnoException).code ?? '');
  const reason = missing ? 'which are not installed' : `which do not load (${reasonOf(error).split('\n')[0]})`;
  const remedy = 'Remedy: `npm install hyparquet hyparquet-compressors` where the program runs.';
  const message = `Parquet files are read by the packages hyparquet and hyparquet-compressors, ${reason}. ${remedy}`;
  throw new SaturnnError('ERR_PACKAGE', message, { cause: error });
}
