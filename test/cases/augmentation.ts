/** Cases of augmented batches: where pixels come from, how their colours change, and how images are mixed. */
import { Frame } from '../../lib/data/augmentation/frame';
import { augment, mix } from '../../lib/ops/augmentation';
import type { TestRandom } from '../random';
import { type Fill, gaussian, mapped, withNaN } from './fills';
import { type Case, graphCase } from './problem';

type Size = readonly [height: number, width: number];

/** Draws a view of an image of `stored` that gives an image of `size`. */
type View = (frame: Frame, random: TestRandom, size: Size) => void;

interface Batch {
  readonly name: string;
  readonly images: readonly [count: number, height: number, width: number, channels: number];
  readonly size: Size;
  readonly indices: readonly number[];
  /** One view for each image, in turn. Default: no table. */
  readonly views?: readonly View[];
  /** Replaces rows of the table. */
  readonly rows?: Readonly<Record<number, readonly number[]>>;
  /** Rows of the table `colours`, in turn. */
  readonly colours?: readonly (readonly [number, number, number, number])[];
  readonly mean?: Fill;
  readonly meanPerPixel?: boolean;
}

const between = (random: TestRandom, least: number, most: number) => least + random.integer(most - least + 1);

/** A crop at a random place, which reaches up to `padding` pixels beyond the image. */
const crop =
  (padding = 0): View =>
  (frame, random, size) => {
    const place = (length: number, kept: number) => between(random, -padding, length + padding - kept);
    frame.crop(place(frame.height, size[0]), place(frame.width, size[1]), size);
  };

const mirrored: View = (frame, random, size) => {
  crop()(frame, random, size);
  frame.mirror();
};

const flipped: View = (frame, random, size) => {
  crop(2)(frame, random, size);
  frame.flip();
};

/** A window of whole pixels, of any size, resized. */
const resized: View = (frame, random, size) => {
  const [height, width] = [between(random, 1, frame.height), between(random, 1, frame.width)];
  const [top, left] = [random.integer(frame.height - height + 1), random.integer(frame.width - width + 1)];
  frame.resizedCrop(top, left, [height, width], size);
};

const resizedMirrored: View = (frame, random, size) => {
  frame.mirror();
  resized(frame, random, size);
  frame.flip();
};

const rotated: View = (frame, random, size) => {
  frame.rotate(random.gaussian());
  crop(1)(frame, random, size);
};

const all: readonly View[] = [crop(), mirrored, flipped, resized, resizedMirrored, rotated];
/** Twelve rows, of which the last repeats the first. */
const indices = Array.from({ length: 12 }, (_, i) => (i * 7) % 11);

const jitters = [
  [1, 1, 1, 0],
  [1.4, 0.6, 1.3, 0.1],
  [0.6, 1.4, 0, -0.5],
  [0, 1, 1, 0.3],
  [2, 0, 2, 0.5],
] as const;

const batches: readonly Batch[] = [
  { name: 'centre', images: [20, 32, 32, 3], size: [28, 28], indices: [19, 0, 7] },
  { name: 'centre, odd room', images: [3, 10, 9, 4], size: [5, 6], indices: [2, 1, 0] },
  { name: 'centre, a NaN', images: [3, 8, 8, 3], size: [6, 6], indices: [0], mean: withNaN() },
  { name: 'crops and mirrors', images: [20, 32, 32, 3], size: [28, 28], indices, views: [crop(), mirrored] },
  { name: 'nothing to spare', images: [5, 7, 9, 3], size: [7, 9], indices: [1, 1, 1], views: [crop(), mirrored] },
  { name: 'padded crops', images: [5, 9, 9, 1], size: [9, 9], indices: [3, 2, 1], views: [crop(4), flipped, crop(9)] },
  { name: 'all views', images: [20, 32, 30, 3], size: [28, 26], indices, views: all },
  { name: 'all views, odd sizes', images: [4, 11, 9, 4], size: [6, 7], indices: [3, 0, 1, 3, 2, 2], views: all },
  { name: 'all views, two channels', images: [4, 13, 8, 2], size: [8, 8], indices: [3, 0, 1, 3, 2, 2], views: all },
  { name: 'much reduced', images: [2, 61, 67, 3], size: [3, 2], indices: [1, 0, 1], views: [resized] },
  { name: 'much enlarged', images: [2, 3, 2, 3], size: [20, 31], indices: [1, 0, 1], views: [resized, rotated] },
  {
    name: 'of one pixel',
    images: [2, 1, 1, 3],
    size: [4, 4],
    indices: [1, 0, 1],
    views: [resized, rotated, resizedMirrored],
  },
  { name: 'centre, mean image', images: [3, 10, 9, 4], size: [5, 6], indices: [2, 1], meanPerPixel: true },
  {
    name: 'all views, mean image',
    images: [4, 12, 11, 5],
    size: [6, 7],
    indices: [3, 0, 1, 3, 2, 1],
    views: all,
    meanPerPixel: true,
  },
  {
    name: 'centre, mean image with NaN',
    images: [3, 8, 8, 3],
    size: [6, 6],
    indices: [0, 1],
    mean: withNaN(undefined, 20),
    meanPerPixel: true,
  },
  {
    name: 'indices out of range',
    images: [5, 8, 8, 3],
    size: [6, 6],
    indices: [-1, 2, 5, 2147483647],
    views: [crop(), rotated],
  },
  {
    name: 'places far away, or no numbers',
    images: [5, 8, 8, 3],
    size: [6, 6],
    indices: [0, 1, 2, 3, 4, 0],
    views: [crop()],
    rows: {
      0: [1, 0, 1e9, 0, 1, 0],
      1: [1, 0, 0, 0, -1, -1e30],
      2: [Number.NaN, 0, 0, 0, 1, 0],
      3: [1, 0, 0, 0, Number.POSITIVE_INFINITY, 0],
      4: [0.3, 0.9, 1e7, -0.9, 0.3, -50],
      5: [0, 0, 3, 0, 0, 4],
    },
  },
  { name: 'colours', images: [7, 12, 11, 3], size: [9, 8], indices: [4, 0, 1, 2, 5], views: all, colours: jitters },
  { name: 'colours at the centre', images: [3, 9, 9, 3], size: [9, 9], indices: [0, 2], colours: jitters.slice(1) },
  {
    name: 'greys',
    images: [3, 9, 9, 1],
    size: [8, 8],
    indices: [0, 2, -1, 1],
    views: [crop(), rotated],
    colours: jitters,
  },
];

const pixelMean: Fill = mapped(gaussian, (value) => 128 + 20 * value);
const positive: Fill = mapped(gaussian, (value) => 0.01 + Math.abs(value) / 50);

const augmentCases: readonly Case[] = batches.map((batch) => {
  const { name, images, size, indices: chosen, views, rows = {}, colours, mean = pixelMean, meanPerPixel } = batch;
  const [, height, width, channels] = images;
  return graphCase(`augment ${name}: ${height}x${width}x${channels} -> ${size.join('x')}`, ['augment'], (b) => {
    const table = (random: TestRandom) => {
      const places = new Float32Array(chosen.length * 6);
      chosen.forEach((_, n) => {
        const frame = new Frame([height, width]);
        views![n % views!.length]!(frame, random, size);
        frame.write(places, n * 6);
        places.set(rows[n] ?? [], n * 6);
      });
      return places;
    };
    const inputs = {
      images: b.u8('images', images),
      indices: b.i32('indices', chosen),
      ...(views && { places: b.plain('places', [chosen.length, 6], table) }),
      ...(colours && {
        colours: b.plain('colours', [chosen.length, 4], () =>
          Float32Array.from(chosen.flatMap((_, n) => [...colours[n % colours.length]!])),
        ),
      }),
      mean: b.plain('mean', meanPerPixel ? [height, width, channels] : [channels], mean),
      inverseDeviation: b.plain('inverseDeviation', [channels], positive),
    };
    return { y: augment(inputs, { size }) };
  });
});

/** Rows of the table of mix(), for images of 9x8. */
const mixtures: readonly (readonly number[])[] = [
  [1, 0.3, 0, 0, 9, 8],
  [0, 0, 2, 1, 7, 5],
  [-1, 0, 0, 3, 4, 8],
  [-1, 1, 0, 0, 0, 0],
  [4, 0.9, -5, -3, 100, 100],
  [5, 0.5, 0, 0, 9, 8],
  [2, 1, 5, 5, 3, 3],
  [7, 0.5, 1, 1, 3, 3],
  [1.5, 0.5, 1, 1, 3, 3],
  [-2, 0.5, 8, 7, 9, 8],
];

const mixCases: readonly Case[] = [3, 16, 1].map((channels) =>
  graphCase(`mix: ${mixtures.length} images of 9x8x${channels}`, ['mix'], (b) => {
    const x = b.f32('x', [mixtures.length - 3, 9, 8, channels], channels === 1 ? withNaN() : gaussian);
    const rows = mixtures.slice(0, x.shape[0]).flat();
    const far = b.f32('far', [mixtures.length, 9, 8, channels]);
    const tables = [b.plain('mixes', [x.shape[0]!, 6], () => Float32Array.from(rows))];
    tables.push(b.plain('all', [mixtures.length, 6], () => Float32Array.from(mixtures.flat())));
    return { y: mix(x, tables[0]!), z: mix(far, tables[1]!) };
  }),
);

export const augmentationCases: readonly Case[] = [...augmentCases, ...mixCases];
