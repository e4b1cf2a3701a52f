/** Pictures of maps and filters. */
import { describe, expect, it } from 'vitest';
import { drawFilters } from '../../lib/report/filters';
import { overlayMap } from '../../lib/report/overlay';
import { heatColour, type Picture } from '../../lib/report/picture';
import { encodePng } from '../../lib/report/png';

const grey = (height: number, width: number, value = 100): Picture => ({
  ...{ pixels: new Uint8Array(height * width).fill(value), shape: [height, width, 1] },
});
const pixelOf = ({ pixels, shape }: Picture, y: number, x: number) => [
  ...pixels.subarray((y * shape[1] + x) * 3, (y * shape[1] + x) * 3 + 3),
];

describe('heatColour', () => {
  it('becomes lighter from 0 to 1, and takes the ends for what is beyond', () => {
    const lightness = Array.from({ length: 101 }, (_, i) => {
      const [red, green, blue] = heatColour(i / 100);
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    });
    lightness.slice(1).forEach((light, i) => {
      expect(light).toBeGreaterThan(lightness[i]!);
    });
    expect(heatColour(-1)).toEqual(heatColour(0));
    expect(heatColour(2)).toEqual(heatColour(1));
  });
});

describe('overlayMap', () => {
  it('leaves the picture where the map is 0, and is the colour of 1 where it is largest', () => {
    const map = { values: Float32Array.of(0, 0, 0, 5), shape: [2, 2] } as const;
    const drawn = overlayMap(grey(4, 4), map, { scale: 1, opacity: 1 });
    expect(drawn.shape).toEqual([4, 4, 3]);
    expect(pixelOf(drawn, 0, 0)).toEqual([100, 100, 100]);
    expect(pixelOf(drawn, 3, 3)).toEqual([...heatColour(1)]);
    // A quarter of the way from the centre of a pixel of the map to the next, in both directions: 1/4 of 1/4.
    const share = 1 / 16;
    const colour = heatColour(share).map((value) => Math.round((1 - share) * 100 + share * value));
    expect(pixelOf(drawn, 1, 1)).toEqual(colour);
  });

  it('covers the centre that a network reads of a larger picture', () => {
    const map = { values: Float32Array.of(1), shape: [1, 1] } as const;
    const drawn = overlayMap(grey(5, 4), map, { size: [2, 2], scale: 1 });
    const covered = Array.from({ length: 20 }, (_, i) => pixelOf(drawn, Math.floor(i / 4), i % 4)[0] !== 100);
    expect(covered.flatMap((is, i) => (is ? [i] : []))).toEqual([5, 6, 9, 10]);
  });

  it('enlarges small pictures, of any number of channels', () => {
    const map = { values: Float32Array.of(0, Number.NaN, -1), shape: [1, 3] } as const;
    const colours = { pixels: Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 255), shape: [1, 2, 4] } as const;
    const drawn = overlayMap(colours, map);
    expect(drawn.shape).toEqual([112, 224, 3]);
    expect([pixelOf(drawn, 111, 0), pixelOf(drawn, 0, 223)]).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(overlayMap(grey(300, 2), map).shape).toEqual([300, 2, 3]);
  });

  it('refuses what does not fit', () => {
    const map = { values: new Float32Array(4), shape: [2, 2] } as const;
    expect(() => overlayMap({ ...grey(2, 2), shape: [2, 2, 3] }, map)).toThrow('Expected 12 bytes for pixels');
    expect(() => overlayMap({ pixels: new Uint8Array(5), shape: [1, 1, 5] }, map)).toThrow('from 1 to 4');
    expect(() => overlayMap(grey(2, 2), { ...map, shape: [2, 3] })).toThrow('Expected 6 numbers for values of map');
    expect(() => overlayMap(grey(2, 2), map, { size: [3, 2] })).toThrow("at most the picture's 2x2 for size");
    expect(() => overlayMap(grey(800, 800), map, { scale: 64 })).toThrow('size of the picture to make');
    expect(() => encodePng(new Uint8Array(5), [1, 1, 5])).toThrow('from 1 to 4');
  });
});

describe('drawFilters', () => {
  it('draws filters of three channels in colour: 0 is grey, the largest weight of each filter is white or black', () => {
    const values = Float32Array.of(0, 0, 0, 2, -2, 1, 0.5, 0.5, 0.5, 0, 0, 0);
    const drawn = drawFilters({ values, shape: [4, 1, 1, 3] });
    expect(drawn).toMatchObject({ filters: 4, channels: 3, shape: [2 * 26 + 2, 2 * 26 + 2, 3] });
    expect(pixelOf(drawn, 0, 0)).toEqual([255, 255, 255]);
    expect(pixelOf(drawn, 2, 2)).toEqual([128, 128, 128]);
    expect(pixelOf(drawn, 25, 28)).toEqual([255, 0, 191]);
    expect(pixelOf(drawn, 28, 2)).toEqual([255, 255, 255]);
    expect(pixelOf(drawn, 53, 53)).toEqual([255, 255, 255]);
  });

  it('draws others in grey, a row for each filter and a square for each channel, and says how many it draws', () => {
    const shape = [70, 2, 2, 65];
    const drawn = drawFilters({ values: new Float32Array(70 * 4 * 65).map((_, i) => (i % 65) - 32), shape });
    expect(drawn).toMatchObject({ filters: 64, channels: 64, shape: [64 * 26 + 2, 64 * 26 + 2, 3] });
    expect(pixelOf(drawn, 2, 2)).toEqual([0, 0, 0]);
    expect(pixelOf(drawn, 2, 2 + 32 * 26)).toEqual([128, 128, 128]);
  });

  it('refuses what is no filter', () => {
    expect(() => drawFilters({ values: new Float32Array(3), shape: [1, 3] })).toThrow('four dimensions');
    expect(() => drawFilters({ values: new Float32Array(3), shape: [1, 1, 1, 4] })).toThrow('Expected 4 numbers');
  });
});
