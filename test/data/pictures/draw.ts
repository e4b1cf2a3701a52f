/** Draws pictures for tests, with sharp: nothing that others have drawn is in the repository. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import sharp = require('sharp');

/** The formats that tests draw. */
export type Format = 'jpeg' | 'png' | 'webp' | 'tiff' | 'gif' | 'avif';

export interface Plain {
  width?: number;
  height?: number;
  /** Red, green, blue, 0 to 255. */
  colour?: readonly [number, number, number];
  format?: Format;
}

/** Draws a picture of one colour. */
export function drawPlain({
  width = 24,
  height = 16,
  colour = [200, 100, 50],
  format = 'png',
}: Plain = {}): Promise<Buffer> {
  const [r, g, b] = colour;
  return sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    [format]()
    .toBuffer();
}

/** Writes a file, and the folders above it. */
export function put(folder: string, name: string, content: Uint8Array | string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Returns the pixel at (x, y) of pixels [height, width, channels]. */
export const pixelAt = (pixels: Uint8Array, width: number, channels: number, x: number, y: number): number[] => [
  ...pixels.subarray((y * width + x) * channels, (y * width + x + 1) * channels),
];

export { sharp };

/** The classes that drawClasses() draws: shapes of a colour on grey, so that a small network learns them in seconds. */
export const shapes = ['circle', 'cross', 'ring', 'square', 'triangle'] as const;

const outlines: Readonly<Record<(typeof shapes)[number], string>> = {
  circle: '<circle cx="12" cy="12" r="8" fill="#c33"/>',
  cross: '<path d="M4 10h6V4h4v6h6v4h-6v6h-4v-6H4z" fill="#3a3"/>',
  ring: '<circle cx="12" cy="12" r="7" fill="none" stroke="#33c" stroke-width="4"/>',
  square: '<rect x="5" y="5" width="14" height="14" fill="#bb3"/>',
  triangle: '<path d="M12 4l9 16H3z" fill="#a3a"/>',
};

/** Draws a shape at a place and with a brightness of the ground that depend on `index`: no two pictures are equal. */
export function drawShape(shape: (typeof shapes)[number], index: number, format: Format = 'png'): Promise<Buffer> {
  const [x, y, ground] = [(index % 5) - 2, (Math.floor(index / 5) % 5) - 2, 90 + ((index * 37) % 120)];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="24" viewBox="-4 0 32 24">
<rect x="-4" width="32" height="24" fill="rgb(${ground},${ground},${ground})"/>
<g transform="translate(${x} ${y})">${outlines[shape]}</g><rect x="-4" width="1" height="${1 + (index % 23)}"/></svg>`;
  return sharp(Buffer.from(svg)).flatten()[format]().toBuffer();
}

/** Draws a folder of class folders, half JPEG, half PNG. @returns the names of the files */
export async function drawClasses(
  folder: string,
  perClass: number,
  classes: readonly (typeof shapes)[number][] = shapes,
): Promise<string[]> {
  const names = classes.flatMap((shape) => Array.from({ length: perClass }, (_, index) => ({ shape, index })));
  return Promise.all(
    names.map(async ({ shape, index }) => {
      const format = index % 2 === 0 ? 'png' : 'jpeg';
      const name = `${shape}/${String(index).padStart(3, '0')}.${format}`;
      put(folder, name, await drawShape(shape, index, format));
      return name;
    }),
  );
}
