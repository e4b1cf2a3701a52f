/** Writes Parquet files as Hugging Face's `datasets` does, with hyparquet-writer. */

type Writer = typeof import('hyparquet-writer', { with: { 'resolution-mode': 'import' }});
type SchemaElement = NonNullable<Parameters<Writer['parquetWriteBuffer']>[0]['schema']>[number];

/** A column of labels: its values, and the names of its classes. */
export interface LabelColumn {
  readonly values: readonly (number | string | null)[];
  readonly names?: readonly string[];
}

export interface ParquetParts {
  /** Encoded pictures; null where a row has none. */
  readonly images: readonly (Uint8Array | null)[];
  readonly labels: Readonly<Record<string, LabelColumn>>;
  /** Name of the column of pictures; default "image". */
  readonly image?: string;
  /** Whether pictures are plain bytes, not structs {bytes, path}. */
  readonly isBinary?: boolean;
  /** Whether the metadata of `datasets` are left out. */
  readonly isBare?: boolean;
  readonly rowGroupSize?: number;
  readonly codec?: 'UNCOMPRESSED' | 'SNAPPY';
}

const optional = { repetition_type: 'OPTIONAL' } as const;

/** Returns the bytes of a file. */
export async function parquetBytes(parts: ParquetParts): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import('hyparquet-writer');
  const { images, labels, image = 'image', isBinary = false, isBare = false, rowGroupSize = 4, codec } = parts;
  const isText = (column: LabelColumn) => column.values.some((value) => typeof value === 'string');
  const labelElement = (name: string, column: LabelColumn): SchemaElement =>
    isText(column)
      ? { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', ...optional }
      : { name, type: 'INT64', ...optional };
  const bytes: SchemaElement = { name: 'bytes', type: 'BYTE_ARRAY', ...optional };
  const path: SchemaElement = { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', ...optional };
  const schema: SchemaElement[] = [
    { name: 'root', num_children: 1 + Object.keys(labels).length },
    ...(isBinary ? [{ ...bytes, name: image }] : [{ name: image, num_children: 2, ...optional }, bytes, path]),
    ...Object.entries(labels).map(([name, column]) => labelElement(name, column)),
  ];
  const features = Object.fromEntries([
    [image, { _type: 'Image' }],
    ...Object.entries(labels).flatMap(([name, { names }]) => (names ? [[name, { names, _type: 'ClassLabel' }]] : [])),
  ]);
  const structs = images.map((own, index) => ({ bytes: own, path: `${index}.png` }));
  const written = parquetWriteBuffer({
    schema,
    columnData: [
      { name: image, data: isBinary ? [...images] : structs },
      ...Object.entries(labels).map(([name, { values }]) => ({
        name,
        data: values.map((value) => (typeof value === 'number' ? BigInt(value) : value)),
      })),
    ],
    rowGroupSize,
    codec,
    ...(isBare ? {} : { kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info: { features } }) }] }),
  });
  return new Uint8Array(written);
}
