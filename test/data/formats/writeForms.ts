/** Writes one data set in every form. Imports no test framework, because bench/forms.ts uses it. */
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { Dataset } from '../../../lib/data/dataset';
import { layouts } from '../../../lib/data/records';
import { endOfTar, tarEntry } from '../support';
import { bytesOf, npyBytes } from './arrays';
import { parquetBytes } from './writeParquet';

import sharp = require('sharp');

/** The forms that are written, by the name of their folder. */
export const forms = ['binary', 'folder', 'parquet', 'tar', 'npy'] as const;
/** Name of a form. */
export type Form = (typeof forms)[number];

/** A data set in which classes lie one after another: 10 or 100 classes of 32x32x3. */
export interface Sorted {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly classNames: readonly string[];
}

/** Sorts a data set by class; images of a class keep their order. */
export function sortByClass({ train, test }: { train: Dataset; test: Dataset }, classNames: readonly string[]): Sorted {
  const sorted = (data: Dataset) =>
    data.subset([...data.labels.keys()].sort((a, b) => data.labels[a]! - data.labels[b]! || a - b)).named(classNames);
  return { train: sorted(train), test: sorted(test), classNames };
}

const splits = ['train', 'test'] as const;

/** Writes the forms into folders of their names. @param perFile the most images in a shard or a Parquet file */
export async function writeForms(folder: string, data: Sorted, perFile: number): Promise<void> {
  writeBinary(join(folder, 'binary'), data);
  writeNpy(join(folder, 'npy'), data);
  for (const split of splits) {
    const pictures = await encode(data[split]);
    writePictures(join(folder, 'folder', split), data[split], pictures);
    await writeTar(join(folder, 'tar', split), data[split], pictures, perFile);
    await writeParquetFiles(join(folder, 'parquet', 'data'), split, { data: data[split], pictures, perFile });
  }
  writeFileSync(join(folder, 'tar', 'classnames.txt'), data.classNames.join('\n'));
}

/** Encodes images as PNG, which loses nothing. */
async function encode(data: Dataset): Promise<Buffer[]> {
  const [height, width] = data.shape;
  const pictures: Buffer[] = [];
  for (const { pixels } of data)
    pictures.push(
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png({ compressionLevel: 3 })
        .toBuffer(),
    );
  return pictures;
}

const number = (index: number): string => `${index}`.padStart(6, '0');

function writePictures(folder: string, data: Dataset, pictures: readonly Uint8Array[]): void {
  for (const name of data.classNames!) mkdirSync(join(folder, name), { recursive: true });
  pictures.forEach((bytes, index) => {
    writeFileSync(join(folder, data.classNames![data.labels[index]!]!, `${number(index)}.png`), bytes);
  });
}

async function writeTar(
  folder: string,
  data: Dataset,
  pictures: readonly Uint8Array[],
  perFile: number,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (let first = 0; first < data.count; first += perFile) {
    const stream = createWriteStream(join(folder, `${number(first / perFile)}.tar`));
    for (let index = first; index < Math.min(first + perFile, data.count); index++) {
      stream.write(tarEntry(`${number(index)}.png`, pictures[index]!));
      stream.write(tarEntry(`${number(index)}.cls`, Buffer.from(`${data.labels[index]}`)));
    }
    stream.end(endOfTar);
    await finished(stream);
  }
}

async function writeParquetFiles(
  folder: string,
  split: string,
  { data, pictures, perFile }: { data: Dataset; pictures: readonly Uint8Array[]; perFile: number },
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const files = Math.ceil(data.count / perFile);
  for (let file = 0; file < files; file++) {
    const rows = [file * perFile, (file + 1) * perFile] as const;
    const label = { values: [...data.labels.subarray(...rows)], names: data.classNames! };
    const bytes = await parquetBytes({ images: pictures.slice(...rows), labels: { label }, rowGroupSize: 1000 });
    writeFileSync(join(folder, `${split}-${number(file)}-of-${number(files)}.parquet`), bytes);
  }
}

function writeNpy(folder: string, data: Sorted): void {
  mkdirSync(folder, { recursive: true });
  for (const split of splits) {
    const { images, labels, count, shape } = data[split];
    writeFileSync(join(folder, `x_${split}.npy`), npyBytes({ shape: [count, ...shape], data: images }));
    writeFileSync(join(folder, `y_${split}.npy`), npyBytes({ descr: '<i4', shape: [count], data: bytesOf(labels) }));
  }
}

/** Writes CIFAR's binary layout: that of CIFAR-10 for 10 classes, of CIFAR-100 for 100. */
function writeBinary(folder: string, { train, test, classNames }: Sorted): void {
  mkdirSync(folder, { recursive: true });
  const isTen = classNames.length === 10;
  const records = (data: Dataset) => recordsOf(data, isTen ? 'cifar10' : 'cifar100');
  const write = (name: string, data: Uint8Array | string) => writeFileSync(join(folder, name), data);
  write(isTen ? 'batches.meta.txt' : 'fine_label_names.txt', classNames.join('\n'));
  write(isTen ? 'test_batch.bin' : 'test.bin', records(test));
  if (!isTen) write('train.bin', records(train));
  // CIFAR-10 has five files; the last one takes what is left.
  const each = Math.floor(train.count / 5);
  const batch = (index: number) =>
    Array.from({ length: index < 4 ? each : train.count - 4 * each }, (_, at) => index * each + at);
  if (isTen)
    for (const index of [0, 1, 2, 3, 4]) write(`data_batch_${index + 1}.bin`, records(train.subset(batch(index))));
}

function recordsOf(data: Dataset, name: 'cifar10' | 'cifar100'): Uint8Array {
  const { bytes: size, labelBytes, labels } = layouts[name];
  const records = new Uint8Array(data.count * size);
  let at = 0;
  for (const { pixels, label } of data) {
    records[at + labels.fine!.byte] = label;
    for (let index = 0; index < pixels.length; index++)
      records[at + labelBytes + (index % 3) * 1024 + Math.floor(index / 3)] = pixels[index]!;
    at += size;
  }
  return records;
}
