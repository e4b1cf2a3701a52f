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
