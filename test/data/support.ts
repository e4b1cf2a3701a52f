/**
 * Makes small data in CIFAR's binary layouts, in folders and archives. Imports no test framework, because bench/fuzz.ts
 * uses it.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type LayoutName, layouts } from '../../lib/data/records';
import { TestRandom, testSeed } from '../random';

/** Makes records with random pixels and valid labels. */
export function records(name: LayoutName, count: number, stream = 0): Uint8Array {
  const { bytes, labels } = layouts[name];
  const random = new TestRandom(testSeed, stream);
  const made = Uint8Array.from({ length: count * bytes }, () => random.integer(256));
  for (let at = 0; at < made.length; at += bytes) {
    for (const { byte, classes } of Object.values(labels)) made[at + byte] = random.integer(classes);
  }
  return made;
}

export type Files = Readonly<Record<string, Uint8Array>>;

export const lines = (count: number, word: string): Uint8Array =>
  Buffer.from(`${Array.from({ length: count }, (_, i) => `${word} ${i}`).join('\n')}\n\n`);

export const cifar100Files = (train = 7, test = 3): Files => ({
  'train.bin': records('cifar100', train, 1),
  'test.bin': records('cifar100', test, 2),
  'fine_label_names.txt': lines(100, 'fine'),
  'coarse_label_names.txt': lines(20, 'coarse'),
});

export const cifar10Files = (each = 4): Files => ({
  ...Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`data_batch_${n}.bin`, records('cifar10', each, n)])),
  'test_batch.bin': records('cifar10', each, 6),
  'batches.meta.txt': lines(10, 'class'),
});

export function writeFiles(folder: string, files: Files): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}

/** Makes one entry of a ustar archive. */
export function tarEntry(name: string, content: Uint8Array, { type = '0', size = content.length } = {}): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write('0000644\0', 100);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257, 'latin1');
  seal(header);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** Writes the checksum into a tar header. */
export function seal(header: Buffer): void {
  header.write('        ', 148);
  const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
}

export const endOfTar = Buffer.alloc(1024);

/** Makes an archive of files in a folder, like the official archives. */
export const tar = (folder: string, files: Files): Buffer =>
  Buffer.concat([
    tarEntry(`${folder}/`, Buffer.alloc(0), { type: '5' }),
    ...Object.entries(files).map(([name, bytes]) => tarEntry(`${folder}/${name}`, bytes)),
    endOfTar,
  ]);

export const archive = (folder: string, files: Files): Buffer => gzipSync(tar(folder, files), { level: 1 });

export const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
