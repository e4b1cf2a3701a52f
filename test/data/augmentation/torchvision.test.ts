/**
 * Compares placed and recoloured images with torchvision's, recorded by test/pytorch/record_augmentation.py. Of float pixels they
 * agree, but for the pixels at the edges of a rotated image, which lie partly outside of the source: torchvision multiplies the
 * part that lies inside by its share twice. Of bytes, torchvision rounds after each change.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../../lib/compile/evaluate';
import { Frame } from '../../../lib/data/augmentation/frame';
import { augment } from '../../../lib/ops/augmentation';
import type { Device } from '../../../lib/runtime/device';
import { constant } from '../../../lib/tensor/tensor';
import { backends } from '../../backends';

interface Pixels {
  readonly float: readonly number[];
  readonly bytes: readonly number[];
}

interface Recorded {
  readonly image: { readonly shape: readonly [number, number, number]; readonly pixels: readonly number[] };
  readonly mean: readonly number[];
  readonly geometry: Readonly<Record<string, Pixels & { readonly size: readonly [number, number] }>>;
  readonly colours: readonly (Pixels & { readonly factors: readonly number[] })[];
}

const recorded: Recorded = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'pytorch', 'fixtures', 'augmentation.json'), 'utf8'),
);
const { image, geometry, colours } = recorded;
const [height, width] = image.shape;

/** The same views as in the script. */
const views: Readonly<Record<string, (frame: Frame) => void>> = {
  crop: (frame) => frame.crop(2, 3, [8, 7]),
  'padded crop': (frame) => frame.crop(-3, 2, [height, width]),
  mirror: (frame) => frame.mirror(),
  flip: (frame) => frame.flip(),
  enlarged: (frame) => frame.resizedCrop(2, 1, [5, 4], [9, 10]),
  reduced: (frame) => frame.resizedCrop(0, 1, [13, 9], [5, 4]),
  'reduced a little': (frame) => frame.resizedCrop(1, 0, [11, 10], [9, 9]),
  'rotated by 17': (frame) => frame.rotate((17 * Math.PI) / 180),
  'rotated by -60': (frame) => frame.rotate((-60 * Math.PI) / 180),
};

interface Picture {
  readonly pixels: readonly number[];
  readonly mean: readonly number[];
}

/** Returns the pixels of the augmented image, from 0 to 255. */
async function augmented(
  device: Device,
  size: readonly [number, number],
  view: (frame: Frame) => void,
  factors?: readonly number[],
  { pixels, mean }: Picture = { pixels: image.pixels, mean: recorded.mean },
): Promise<number[]> {
  const places = new Float32Array(6);
  const frame = new Frame(image.shape);
  view(frame);
  frame.write(places, 0);
  const inputs = {
    images: constant(Uint8Array.from(pixels), [1, ...image.shape]),
    indices: constant(Int32Array.of(0)),
    places: constant(places, [1, 6]),
    ...(factors && { colours: constant([...factors], [1, 4]) }),
    mean: constant([...mean]),
    inverseDeviation: constant([1, 1, 1]),
  };
  const y = (await evaluate(augment(inputs, { size }), { device })) as Float32Array;
  return Array.from(y, (value, i) => value + mean[i % 3]!);
}

/** Returns the same with torchvision's edges. A white image on a black mean shows which part of each pixel lies inside. */
async function withTheirEdges(
  device: Device,
  size: readonly [number, number],
  view: (frame: Frame) => void,
): Promise<number[]> {
  const white = { pixels: image.pixels.map(() => 255), mean: [0, 0, 0] };
  const shares = (await augmented(device, size, view, undefined, white)).map((value) => value / 255);
  return (await augmented(device, size, view)).map((value, i) => {
    const outside = (1 - shares[i]!) * recorded.mean[i % 3]!;
    return (value - outside) * shares[i]! + outside;
  });
}

const distance = (got: readonly number[], want: readonly number[]): number => {
  expect(got.length).toBe(want.length);
  return got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i]!)), 0);
};

for (const { name, device, reason } of backends()) {
  if (!device) {
    test.skip(`${name}: NOT RUN: ${reason}`, () => {});
    continue;
  }
  describe(name, () => {
    test.each(Object.entries(geometry))('%s', async (view, { float, bytes, size }) => {
      const got = view.startsWith('rotated')
        ? await withTheirEdges(device, size, views[view]!)
        : await augmented(device, size, views[view]!);
      expect(distance(got, float)).toBeLessThan(0.002);
      expect(distance(got, bytes)).toBeLessThan(1.01);
    });

    test.each(colours.map((colour) => [colour.factors.join(' '), colour] as const))('%s', async (_, colour) => {
      const { factors, float, bytes } = colour;
      const got = await augmented(device, [height, width], () => {}, factors);
      expect(distance(got, float)).toBeLessThan(0.01);
      expect(distance(got, bytes)).toBeLessThan(4.1);
    });
  });
}
