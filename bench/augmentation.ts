/**
 * Measures the bandwidth of each kind of augmentation beside that of a copy, in turn, on the CPU. Bytes are counted as in the report of
 * kernels: each pixel is read once, as a byte, and written once, as a float; what mixing reads and writes are floats.
 */
import { compile, type Plan } from '../lib/compile/compile';
import { Graph } from '../lib/compile/graph';
import { Frame } from '../lib/data/augmentation/frame';
import { compare } from '../lib/measure/harness';
import { augment, mix } from '../lib/ops/augmentation';
import { copy } from '../lib/ops/data';
import { globalAveragePool } from '../lib/ops/pooling';
import type { Device, Resident } from '../lib/runtime/device';
import { constant, input, type Tensor } from '../lib/tensor/tensor';

/** One kind of augmentation, at one size. */
export interface AugmentationSpeed {
  readonly name: string;
  /** Height and width of the stored images and of the augmented ones. */
  readonly from: number;
  readonly to: number;
  readonly images: number;
  /** Median time of all images. */
  readonly milliseconds: number;
  readonly gigabytesPerSecond: number;
  /** Share of the copy's bandwidth, as a median over rounds. */
  readonly ofCopy: number;
}

interface Sizes {
  readonly images: number;
  readonly from: number;
  readonly to: number;
}

type View = (frame: Frame, image: number, sizes: Sizes) => void;

const crop: View = (frame, image, { to }) => frame.crop(image % 5, image % 3, [to, to]);
const resized: View = (frame, image, { from, to }) =>
  frame.resizedCrop(image % 5, image % 7, [from - (image % 8), from - (image % 11)], [to, to]);
const rotate: View = (frame, image) => frame.rotate(((image % 31) - 15) / 60);

const mirrored: View = (...of) => [crop(...of), of[0].mirror()];
const enlarged: View = (frame, _, { to }) => frame.resizedCrop(0, 0, [to / 2, to / 2], [to, to]);
const rotated: View = (...of) => [rotate(...of), of[0].crop(2, 2, [of[2].to, of[2].to])];
const everything: View = (...of) => [rotate(...of), resized(...of), of[0].mirror()];

/** The kinds of augment(): where the pixels come from, and whether their colours change. */
const kinds: readonly { readonly name: string; readonly view: View; readonly hasColours?: boolean }[] = [
  { name: 'crop', view: crop },
  { name: 'mirror', view: mirrored },
  { name: 'resized crop', view: resized },
  { name: 'resized crop, enlarged twice', view: enlarged },
  { name: 'rotation', view: rotated },
  { name: 'colours', view: crop, hasColours: true },
  { name: 'rotation, resized crop, mirror and colours', view: everything, hasColours: true },
];

const table = (rows: number, row: (index: number) => readonly number[]) =>
  constant(Float32Array.from(Array.from({ length: rows }, (_, index) => [...row(index)]).flat()), [
    rows,
    row(0).length,
  ]);

/** The table of mix(): mixes each image with the next one, or erases it, within a rectangle. */
const mixtures: Readonly<Record<string, (image: number, sizes: Sizes) => readonly number[]>> = {
  erasing: (_, { to }) => [-1, 0, to / 4, to / 4, (3 * to) / 4, (3 * to) / 4],
  mixup: (image, { images, to }) => [(image + 1) % images, 0.7, 0, 0, to, to],
  cutmix: (image, { images, to }) => [(image + 1) % images, 0, to / 4, to / 4, (3 * to) / 4, (3 * to) / 4],
};

/** Measures all kinds with images of a data set like CIFAR, and with large ones. */
export async function measureAugmentation(device: Device, rounds: number): Promise<AugmentationSpeed[]> {
  const small = await measureSize(device, { images: 1024, from: 32, to: 28 }, rounds);
  return [...small, ...(await measureSize(device, { images: 64, from: 256, to: 224 }, rounds))];
}

async function measureSize(device: Device, sizes: Sizes, rounds: number): Promise<AugmentationSpeed[]> {
  const { images, from, to } = sizes;
  const stored = device.upload(Uint8Array.from({ length: images * from * from * 3 }, (_, i) => (i * 7919) >> 3));
  const floats = device.upload(new Float32Array(images * to * to * 3));
  const x = input('x', [images, to, to, 3]);
  const plans = new Map<string, { plan: Plan; inputs: Record<string, Resident>; op: string; bytes: number }>();
  const add = async (name: string, op: string, y: Tensor, inputs: Record<string, Resident>, bytes: number) => {
    // Passes would leave out a copy; a small result is what comes back to the host.
    const graph = Graph.from({ outputs: { y: op === 'copy' ? y : copy(globalAveragePool(y)) } });
    const plan = await compile(graph, { device, ...(op === 'copy' && { passes: [] }) });
    plans.set(name, { plan, inputs, op, bytes: bytes * images * to * to * 3 });
  };
  await add('copy', 'copy', copy(copy(x, { image: false })), { x: floats }, 8);
  for (const { name, view, hasColours = false } of kinds) {
    await add(name, 'augment', augmented(sizes, view, hasColours), { images: stored }, 5);
  }
  for (const [name, row] of Object.entries(mixtures)) {
    const mixes = table(images, (image) => row(image, sizes));
    await add(name, 'mix', mix(x, mixes), { x: floats }, 8);
  }
  const candidates = [...plans].map(([name, { plan, inputs, op }]) => ({
    name,
    run: async () => (await plan.trace(inputs)).find((kernel) => kernel.op === op)?.milliseconds,
  }));
  const measured = await compare(candidates, { rounds });
  for (const { plan } of plans.values()) plan.dispose();
  for (const resident of [stored, floats]) resident.dispose();
  const bytesOf = (name: string) => plans.get(name)!.bytes;
  return measured.map(({ name, median, ratio }) => ({
    name,
    ...sizes,
    milliseconds: median,
    gigabytesPerSecond: bytesOf(name) / median / 1e6,
    ofCopy: (ratio * bytesOf(name)) / bytesOf('copy'),
  }));
}

function augmented(sizes: Sizes, view: View, hasColours: boolean): Tensor {
  const { images, from, to } = sizes;
  const places = new Float32Array(images * 6);
  for (let image = 0; image < images; image++) {
    const frame = new Frame([from, from]);
    view(frame, image, sizes);
    frame.write(places, image * 6);
  }
  const inputs = {
    images: input('images', [images, from, from, 3], { dtype: 'u8' }),
    indices: constant(Int32Array.from({ length: images }, (_, image) => image)),
    places: constant(places, [images, 6]),
    ...(hasColours && { colours: table(images, (image) => [1.2, 0.8 + (image % 5) / 10, 1.3, 0.1]) }),
    mean: constant([120, 120, 120]),
    inverseDeviation: constant([0.01, 0.01, 0.01]),
  };
  return augment(inputs, { size: [to, to] });
}
