/** Reads the height and width of a picture from the header of its file, which is ten times faster than to ask the decoder. */
import { loadSharp } from './sharp';

/** Height and width in pixels, as stored: before a turn by the EXIF orientation. */
export type PictureSize = readonly [height: number, width: number];

/** Returns the size of an encoded picture; null if its header cannot be read. */
export async function pictureSize(bytes: Uint8Array): Promise<PictureSize | null> {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const known = sizeInHeader(view);
  if (known) return known;
  try {
    const { height, width } = await loadSharp()(bytes).metadata();
    return [height, width];
  } catch {
    return null;
  }
}

/** Returns the size that the header of a JPEG, PNG or GIF says; null for other formats. */
export function sizeInHeader(bytes: Buffer): PictureSize | null {
  const start = bytes.toString('latin1', 0, 4);
  if (start === '\x89PNG' && bytes.length >= 24) return [bytes.readUInt32BE(20), bytes.readUInt32BE(16)];
  if (start === 'GIF8' && bytes.length >= 10) return [bytes.readUInt16LE(8), bytes.readUInt16LE(6)];
  return start.startsWith('\xff\xd8') ? sizeOfJpeg(bytes) : null;
}

/** Finds the frame header (SOF0 to SOF15) of a JPEG by going from segment to segment. */
function sizeOfJpeg(bytes: Buffer): PictureSize | null {
  for (let at = 2; at + 9 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1]!;
    // A marker may be preceded by any number of fill bytes.
    if (marker === 0xff) at++;
    else if (isFrame(marker)) return [bytes.readUInt16BE(at + 5), bytes.readUInt16BE(at + 7)];
    else at += 2 + bytes.readUInt16BE(at + 2);
  }
  return null;
}

/** C4, C8 and CC, between the frame headers, define tables. */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
