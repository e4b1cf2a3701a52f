/**
 * `npm run bench -- data`: measures how fast pictures become images. Decoding 500x375 JPEGs to 64x64 is compared with sharp alone, in turn,
 * with as many threads. Then images are read from a cache in random order, as a training reads them, and augmented.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { open, truncate, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

import sharp = require('sharp');

import { imageFolder } from '../lib/data/pictures/imageFolder';
import { Records } from '../lib/data/pictures/records';
import type { ImageShape, ImageSource } from '../lib/data/source';
import { Conv2d, GlobalAveragePool, Linear, Sequential } from '../lib/layers';
import { compare, environment, type Measurement, median } from '../lib/measure/harness';
import { functionalModel } from '../lib/models';
import { leakyTanh } from '../lib/ops/activations';
import { Philox } from '../lib/random';
import { openDevice } from '../lib/runtime/device';
import { Trainer } from '../lib/train/trainer';
import { type AugmentationSpeed, measureAugmentation } from './augmentation';
import { type IdleShare, measureIdle } from './idle';

export interface DataReport {
  readonly environment: Record<string, unknown>;
  readonly threads: number;
  /** Versions of sharp and libvips. */
  readonly sharp: Record<string, string>;
  readonly decoding: {
    readonly pictures: number;
    readonly from: string;
    readonly to: string;
    /** Milliseconds of all pictures; the first is sharp alone, whose time divided by the other's is `ratio`. */
    readonly wall: readonly Measurement[];
    /** Milliseconds of processor time, which other programs on the machine change less. */
    readonly processor: readonly { readonly name: string; readonly median: number; readonly ratio: number }[];
    readonly imagesPerSecond: number;
  };
  readonly reading: readonly CacheSpeed[];
  readonly augmentation: readonly AugmentationSpeed[];
  /** How long a training on the CPU waits for images that it streams from the cache. */
  readonly idle: IdleShare;
  /** One epoch of a data set that is larger than the memory it may take, in random order. The file is sparse: its bytes are zero. */
  readonly large: CacheSpeed & {
    readonly gigabytes: number;
    readonly largestRssMegabytes: number;
    /** A training that streams it: all images are read for their mean, then these steps are trained. */
    readonly training: { readonly steps: number; readonly seconds: number; readonly largestRssMegabytes: number };
  };
}

/** How fast images come from a cache. */
export interface CacheSpeed {
  readonly shape: ImageShape;
  readonly images: number;
  readonly batch: number;
  readonly imagesPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly samples: readonly number[];
}

const [from, to] = [[375, 500] as const, 64];

export async function measureData({
  rounds,
  pictures = 300,
}: {
  rounds: number;
  pictures?: number;
}): Promise<DataReport> {
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-bench-'));
  try {
    return {
      environment: environment(),
      threads: availableParallelism(),
      sharp: { sharp: sharp.versions.sharp!, vips: sharp.versions.vips },
      decoding: await measureDecoding(folder, pictures, rounds),
      reading: [
        await measureReading(folder, [32, 32, 3], { images: 40_000, batch: 128, rounds }),
        await measureReading(folder, [224, 224, 3], { images: 3_000, batch: 32, rounds }),
      ],
      augmentation: await measureAugmentation(openDevice('cpu'), 3 * rounds),
      idle: await measureCachedTraining(folder),
      large: await measureLarge(folder),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureDecoding(folder: string, count: number, rounds: number): Promise<DataReport['decoding']> {
  const photos = join(folder, 'photos');
  const paths = await drawPhotos(photos, count);
  const processor = new Map<string, number[]>();
  const timed = (name: string, work: () => Promise<unknown>) => async () => {
    const [before, start] = [process.cpuUsage(), performance.now()];
    await work();
    const milliseconds = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    processor.set(name, [...(processor.get(name) ?? []), (user + system) / 1000]);
    return milliseconds;
  };
  let caches = 0;
  const warmup = 1;
  const wall = await compare(
    [
      { name: 'sharp alone', run: timed('sharp alone', () => decodeAlone(paths)) },
      {
        name: 'imageFolder()',
        run: timed('imageFolder()', () => {
          const cacheDir = join(folder, `cache-${caches++}`);
          return imageFolder(photos, { size: to, mode: 'streaming', cacheDir }).then((opened) => opened.close());
        }),
      },
    ],
    { rounds, warmup },
  );
  const times = [...processor].map(([name, samples]) => ({ name, samples: samples.slice(warmup) }));
  const alone = times[0]!;
  return {
    ...{ pictures: count, from: from.join('x'), to: `${to}x${to}`, wall },
    processor: times.map(({ name, samples }) => ({
      name,
      median: median(samples),
      ratio: median(samples.map((sample, round) => alone.samples[round]! / sample)),
    })),
    imagesPerSecond: (1000 * count) / wall[1]!.median,
  };
}

/** Draws JPEGs with about as many details as photos have, in two classes. @returns their paths */
async function drawPhotos(folder: string, count: number): Promise<string[]> {
  const [height, width] = from;
  const random = new Philox(1, 0);
  const small = { width: width / 4, height: Math.floor(height / 4), channels: 3 as const };
  for (const name of ['a', 'b']) mkdirSync(join(folder, name), { recursive: true });
  const paths: string[] = [];
  for (let index = 0; index < count; index++) {
    const noise = Buffer.from(Array.from({ length: small.width * small.height * 3 }, () => 256 * random.uniform()));
    const path = join(folder, index % 2 ? 'a' : 'b', `${index}.jpg`);
    await sharp(noise, { raw: small }).blur(0.7).resize(width, height).jpeg({ quality: 90 }).toFile(path);
    paths.push(path);
  }
  return paths;
}

/** Does with sharp what must be done at least: as many pictures at a time as there are processors. */
async function decodeAlone(paths: readonly string[]): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < paths.length) await sharp(paths[next++]).resize(to, to).removeAlpha().raw().toBuffer();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
}

/** Opens a file of records as a source. */
function openRecords(path: string, shape: ImageShape, images: number): Promise<Records> {
  const labels = new Int32Array(images);
  return Records.open({
    ...{ path, shape, labels, classes: 1, classNames: null, places: Int32Array.from(labels.keys()) },
    decoding: { fit: 'crop', background: [0, 0, 0] },
  });
}

/** Trains on the images of 32x32 that measureReading() has written. */
async function measureCachedTraining(folder: string): Promise<IdleShare> {
  const records = await openRecords(join(folder, 'records-32.bin'), [32, 32, 3], 40_000);
  try {
    return await measureIdle(records);
  } finally {
    await records.close();
  }
}

async function measureLarge(folder: string): Promise<DataReport['large']> {
  const [shape, images, batch] = [[224, 224, 3] as const, 66_560, 32];
  const size = shape[0] * shape[1] * shape[2];
  const path = join(folder, 'records-large.bin');
  await writeFile(path, '');
  await truncate(path, images * size);
  const records = await openRecords(path, shape, images);
  const target = new Uint8Array(batch * size);
  const order = new Philox(9, 0).permutation(images);
  let largest = 0;
  const start = performance.now();
  for (let at = 0; at < images; at += batch) {
    await records.read(order.subarray(at, at + batch), target);
    if (at % 1024 === 0) largest = Math.max(largest, process.memoryUsage().rss);
  }
  const imagesPerSecond = (1000 * images) / (performance.now() - start);
  const training = await trainSomeSteps(records);
  await records.close();
  return {
    ...{ shape, images, batch, imagesPerSecond, megabytesPerSecond: (imagesPerSecond * size) / 1e6, samples: [] },
    ...{ gigabytes: (images * size) / 1e9, largestRssMegabytes: largest / 1e6, training },
  };
}

/** Trains a network of two layers, which needs little memory itself, on images that stay on disk. */
async function trainSomeSteps(source: ImageSource): Promise<DataReport['large']['training']> {
  const [steps, start] = [100, performance.now()];
  const layers = new Sequential([
    new Conv2d({ name: 'conv', inputs: 3, outputs: 8, kernel: 7, stride: 8, activation: leakyTanh() }),
    new GlobalAveragePool(),
    new Linear({ name: 'classifier', inputs: 8, outputs: 2 }),
  ]);
  const model = functionalModel({
    ...{ name: 'two layers', classes: 2, activation: leakyTanh(), inputShape: source.shape },
    ...{ parameters: layers.parameters, forward: (x, context) => layers.forward(x, context) },
  });
  using trainer = new Trainer({ model, train: source, data: 'streaming', device: 'cpu', batch: 32 });
  let largest = 0;
  const watch = setInterval(() => {
    largest = Math.max(largest, process.memoryUsage().rss);
  }, 100);
  await trainer.fit({ steps });
  clearInterval(watch);
  return { steps, seconds: (performance.now() - start) / 1000, largestRssMegabytes: largest / 1e6 };
}

async function measureReading(
  folder: string,
  shape: ImageShape,
  { images, batch, rounds }: { images: number; batch: number; rounds: number },
): Promise<CacheSpeed> {
  const size = shape[0] * shape[1] * shape[2];
  const path = join(folder, `records-${shape[0]}.bin`);
  const file = await open(path, 'w');
  const random = new Philox(2, 0);
  const part = Buffer.from(Array.from({ length: size }, () => 256 * random.uniform()));
  for (let index = 0; index < images; index++) await file.write(part);
  await file.close();
  const records = await openRecords(path, shape, images);
  const target = new Uint8Array(batch * size);
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const order = new Philox(round, 0).permutation(images);
    const start = performance.now();
    for (let at = 0; at + batch <= images; at += batch) await records.read(order.subarray(at, at + batch), target);
    samples.push((1000 * (images - (images % batch))) / (performance.now() - start));
  }
  await records.close();
  const imagesPerSecond = median(samples);
  return { shape, images, batch, imagesPerSecond, megabytesPerSecond: (imagesPerSecond * size) / 1e6, samples };
}
