/** Operands of the benchmark's kernels: tensors that are declared when a kernel asks for them, and the numbers they hold. */
import { Frame } from '../data/augmentation/frame';
import { colourColumns, mixColumns, placeColumns } from '../ops/augmentation';
import type { Device, Precision, Resident } from '../runtime/device';
import type { TypedArray } from '../runtime/native';
import { Parameter, State } from '../tensor/state';
import { constant, input, sizeOf, type Tensor } from '../tensor/tensor';
import { pattern } from './pattern';

/** Sizes of the operands, in elements; larger than the caches. */
export interface Sizes {
  /** Shape of the images: [batch, height, width, channels]. */
  readonly image: readonly [number, number, number, number];
  readonly classes: number;
  /** Length of the flat arenas that an optimizer works on. */
  readonly parameters: number;
  /** Length of the data that are copied between two kernels, so that the second finds none of the first's in a cache. */
  readonly flushed: number;
  /** Shape of a data set of bytes: [count, height, width, channels]. Crops are 4 pixels smaller in height and width. */
  readonly pixels: readonly [number, number, number, number];
}

/** Returns the sizes for a device. An image tensor has 282 MB as f32 on a GPU and 39 MB on a CPU: more than the caches. */
export function sizesOn({ backend }: Device, smoke = false): Sizes {
  if (smoke) return { image: [2, 8, 8, 16], classes: 10, parameters: 4096, flushed: 4096, pixels: [8, 12, 12, 3] };
  const pixels = [1024, 32, 32, 3] as const;
  return backend === 'cpu'
    ? { image: [32, 28, 28, 384], classes: 100, parameters: 10_000_000, flushed: 2 ** 24, pixels }
    : { image: [128, 56, 56, 176], classes: 100, parameters: 64_000_000, flushed: 2 ** 26, pixels };
}

const fills: Readonly<Record<string, (size: number, sizes: Sizes) => TypedArray>> = {
  x: (size) => pattern(size, 2),
  other: (size) => pattern(size, 0.9),
  flush: (size) => pattern(size, 1),
  logits: (size) => pattern(size, 3),
  labels: (size, { classes }) => Int32Array.from({ length: size }, (_, i) => i % classes),
  pixels: (size) => Uint8Array.from({ length: size }, (_, i) => (i * 37) & 255),
  places: (size, { pixels: [, height, width] }) =>
    placesOf(size, [height, width], (frame, row) => {
      frame.crop(row % 5, Math.floor(row / 5) % 5, [height - 4, width - 4]);
      if (row % 2) frame.mirror();
    }),
  resizedPlaces: (size, { pixels: [, height, width] }) =>
    placesOf(size, [height, width], (frame, row) => {
      const window = [height - (row % 8), width - (row % 11)] as const;
      frame.resizedCrop(row % 5, row % 7, window, [height - 4, width - 4]);
    }),
  rotatedPlaces: (size, { pixels: [, height, width] }) =>
    placesOf(size, [height, width], (frame, row) => {
      frame.rotate(((row % 31) - 15) / 60);
      frame.crop(2, 2, [height - 4, width - 4]);
    }),
  // Brightness, contrast and saturation between 0.6 and 1.4, and hues between -0.1 and 0.1.
  colours: (size) => pattern(size, 0.1).map((value, i) => (i % 4 === 3 ? value : 1 + 4 * value)),
  // Each image with its neighbour.
  mixes: (size, { image: [batch, height, width] }) =>
    Float32Array.from({ length: size }, (_, i) => [(Math.floor(i / 6) + 1) % batch, 0.7, 0, 0, height, width][i % 6]!),
  indices: (size, { pixels: [count] }) => Int32Array.from({ length: size }, (_, i) => (i * 7) % count),
};

/** Makes a table of places, one row per image. */
function placesOf(
  size: number,
  stored: readonly [number, number],
  view: (frame: Frame, row: number) => void,
): Float32Array {
  const table = new Float32Array(size);
  for (let row = 0; row < size / placeColumns; row++) {
    const frame = new Frame(stored);
    view(frame, row);
    frame.write(table, row * placeColumns);
  }
  return table;
}

/** Data of the operands on a device, made once for all kernels. */
export class Operands {
  readonly #residents = new Map<string, Resident>();

  constructor(
    private readonly device: Device,
    readonly sizes: Sizes,
  ) {}

  /** Returns the data for a tensor of `Declared`, by its name. */
  of(name: string, size: number): Resident {
    const key = `${name} ${size}`;
    const known = this.#residents.get(key);
    if (known) return known;
    const fill = fills[name];
    if (!fill) throw new Error(`There are no numbers for the operand "${name}"`);
    const made = this.device.upload(fill(size, this.sizes));
    this.#residents.set(key, made);
    return made;
  }

  dispose(): void {
    for (const resident of this.#residents.values()) resident.dispose();
  }
}

/** The tensors of one kernel's graph. */
export class Declared {
  readonly inputs = new Map<string, Tensor>();
  #state: State | null = null;

  constructor(
    readonly sizes: Sizes,
    readonly precision: Precision,
  ) {}

  get x(): Tensor {
    return this.#input('x', this.sizes.image);
  }

  get other(): Tensor {
    return this.#input('other', this.sizes.image);
  }

  get flush(): Tensor {
    return this.#input('flush', [this.sizes.flushed]);
  }

  /** [rows, classes]: about a quarter as many elements as an image tensor has. */
  get logits(): Tensor {
    const { classes } = this.sizes;
    return this.#input('logits', [this.rows, classes]);
  }

  get labels(): Tensor {
    return this.#input('labels', [this.rows], 'i32');
  }

  get pixels(): Tensor {
    return this.#input('pixels', this.sizes.pixels, 'u8');
  }

  /** [count]: an index into the data set for each crop, as many crops as the data set has images. */
  get indices(): Tensor {
    return this.#input('indices', [this.sizes.pixels[0]], 'i32');
  }

  /** [count, 6]: where the pixels of augmented images come from: crops and mirrors, resized crops, or rotations. */
  placesOf(name: 'places' | 'resizedPlaces' | 'rotatedPlaces'): Tensor {
    return this.#input(name, [this.sizes.pixels[0], placeColumns]);
  }

  /** [count, 4]: how their colours change. */
  get colours(): Tensor {
    return this.#input('colours', [this.sizes.pixels[0], colourColumns]);
  }

  /** [batch, 6]: with what each image of `x` is mixed. */
  get mixes(): Tensor {
    return this.#input('mixes', [this.sizes.image[0], mixColumns]);
  }

  get rows(): number {
    return Math.max(1, Math.floor(sizeOf(this.sizes.image) / 4 / this.sizes.classes));
  }

  /** [channels]: different values above 0. */
  get perChannel(): Tensor {
    const channels = this.sizes.image[3];
    return constant(Float32Array.from({ length: channels }, (_, c) => (c + 1) / channels));
  }

  get counter(): Tensor {
    return constant(Int32Array.of(1, 2));
  }

  /** A State with two optimizer values per parameter. */
  get state(): State {
    this.#state ??= new State(
      [
        new Parameter({
          name: 'all',
          shape: [this.sizes.parameters],
          decay: true,
          initialize: () => pattern(this.sizes.parameters, 1),
        }),
      ],
      { optimizerSlots: 2 },
    );
    return this.#state;
  }

  dispose(): void {
    this.#state?.dispose();
  }

  #input(name: string, shape: readonly number[], dtype: 'f32' | 'i32' | 'u8' = 'f32'): Tensor {
    const known = this.inputs.get(name);
    if (known) return known;
    const made = input(name, shape, { dtype });
    this.inputs.set(name, made);
    return made;
  }
}
