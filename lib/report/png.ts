/** Writes PNG files without any library: for the pictures of a page, and those of networks, which are small. */
import { crc32, deflateSync } from 'node:zlib';
import type { ImageShape } from '../data/source';
import { checkPicture, type Picture } from './picture';

/** PNG's colour type by the number of channels: grey, grey with alpha, red green blue, red green blue alpha. */
const colourTypes = [0, 4, 2, 6];

/**
 * Returns pixels as a PNG file.
 * @param pixels [height, width, channels], 0 to 255, with 1 (grey), 2 (grey with alpha), 3 or 4 (with alpha) channels
 * @param shape [height, width, channels]
 * @throws ERR_INVALID_ARGUMENT
 */
export function encodePng(pixels: Uint8Array, shape: ImageShape): Uint8Array {
  return encode(checkPicture({ pixels, shape }));
}

function encode({ pixels, shape: [height, width, channels] }: Picture): Buffer {
  const row = width * channels;
  // Each row begins with its filter; 0: none.
  const rows = Buffer.alloc(height * (row + 1));
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colourTypes[channels - 1]!], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Returns pixels as the address of an <img> that needs no other file. Arguments as for encodePng(). */
export const pngDataUri = (pixels: Uint8Array, shape: ImageShape): string =>
  `data:image/png;base64,${encode(checkPicture({ pixels, shape })).toString('base64')}`;

function chunk(type: string, data: Buffer): Buffer {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const whole = Buffer.alloc(content.length + 8);
  whole.writeUInt32BE(data.length, 0);
  whole.set(content, 4);
  whole.writeUInt32BE(crc32(content), content.length + 4);
  return whole;
}
