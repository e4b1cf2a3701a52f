/** Records of CIFAR's official binary layouts: one or two bytes of labels, then the pixels, channel by channel. */
import { SaturnnError } from '../errors';
import type { ImageShape } from './source';

/** Shape of CIFAR's images: [height, width, channels]. */
export const shape: ImageShape = [32, 32, 3];
const plane = shape[0] * shape[1];
const pixels = plane * shape[2];

/** A kind of labels: CIFAR-100 has 100 fine and 20 coarse classes; the 10 classes of CIFAR-10 count as fine. */
export type LabelKind = 'fine' | 'coarse';
/** All kinds of labels. */
export const labelKinds: readonly LabelKind[] = ['fine', 'coarse'];
/** The kind of labels that is read by default. */
export const defaultLabels: LabelKind = 'fine';
/**
 * A binary layout of records, named after the data set that has it. "cifar10": one byte with the label; "cifar100": two
 * bytes, the coarse and the fine label. In both, 3072 bytes of pixels follow: 32x32 red, then green, then blue, row by row.
 */
export type LayoutName = 'cifar10' | 'cifar100';

/** The layout of one record. */
export interface Layout {
  readonly name: LayoutName;
  /** Bytes before the pixels. */
  readonly labelBytes: number;
  /** Bytes of a whole record. */
  readonly bytes: number;
  /** The byte in the record and the number of classes of each kind of label. */
  readonly labels: Readonly<Partial<Record<LabelKind, { readonly byte: number; readonly classes: number }>>>;
}

/** The layouts of CIFAR-10 and CIFAR-100. */
export const layouts: Readonly<Record<LayoutName, Layout>> = {
  cifar10: { name: 'cifar10', labelBytes: 1, bytes: 1 + pixels, labels: { fine: { byte: 0, classes: 10 } } },
  cifar100: {
    name: 'cifar100',
    labelBytes: 2,
    bytes: 2 + pixels,
    labels: { coarse: { byte: 0, classes: 20 }, fine: { byte: 1, classes: 100 } },
  },
};

/** Sizes of a CIFAR-100 record, the layout of generated data. */
export const record = { labels: 2, height: shape[0], width: shape[1], channels: shape[2], bytes: 2 + pixels } as const;

/** Options for reading records; `source` names them in errors. */
export interface RecordOptions {
  readonly layout: Layout;
  /** Index of the label's byte in a record. */
  readonly byte: number;
  readonly classes: number;
  readonly source: string;
}

/** Returns the number of records in `bytes` bytes. @throws ERR_DATA unless it is a positive integer */
export function recordCount(bytes: number, { bytes: recordBytes }: Layout, source: string): number {
  const count = bytes / recordBytes;
  if (count > 0 && Number.isInteger(count)) return count;
  const over = bytes % recordBytes;
  const found = over ? `${bytes}: ${Math.floor(count)} records and ${over} bytes` : `${bytes}`;
  const expected = `a positive multiple of ${recordBytes} bytes`;
  throw new SaturnnError('ERR_DATA', `Expected ${expected} in ${source} but received ${found}`);
}

/** Returns the label of record `index`, which begins at bytes[at]. @throws ERR_DATA if the label is out of range */
export function readLabel(
  bytes: Uint8Array,
  at: number,
  index: number,
  { layout, byte, classes, source }: RecordOptions,
): number {
  const label = bytes[at + byte]!;
  if (label < classes) return label;
  const kind = layout.labels.coarse === undefined ? '' : byte === layout.labels.coarse.byte ? 'coarse ' : 'fine ';
  const position = `at byte ${index * layout.bytes + byte}`;
  const message = `Expected a ${kind}label from 0 to ${classes - 1} in record ${index} of ${source} but received ${label} ${position}`;
  throw new SaturnnError('ERR_DATA', message);
}

/**
 * Decodes whole records to images [count, height, width, channels] and labels [count].
 * @throws ERR_DATA, with record and byte, if `bytes` is not a whole number of records, or a label is out of range
 */
export function decodeRecords(bytes: Uint8Array, options: RecordOptions): { images: Uint8Array; labels: Int32Array } {
  const { layout, source } = options;
  const count = recordCount(bytes.length, layout, source);
  const labels = new Int32Array(count);
  // Labels come first, so that a malformed file is refused before the slower work on its images.
  for (let index = 0; index < count; index++) labels[index] = readLabel(bytes, index * layout.bytes, index, options);
  const images = new Uint8Array(count * pixels);
  for (let index = 0; index < count; index++) {
    const at = index * layout.bytes + layout.labelBytes;
    interleave(bytes.subarray(at, at + pixels), images, index * pixels);
  }
  return { images, labels };
}

/** Copies one image from [channels, height, width] in `planes` to [height, width, channels] at images[offset]. */
export function interleave(planes: Uint8Array, images: Uint8Array, offset: number): void {
  for (let channel = 0; channel < shape[2]; channel++) {
    for (let pixel = 0; pixel < plane; pixel++) {
      images[offset + pixel * shape[2] + channel] = planes[channel * plane + pixel]!;
    }
  }
}
