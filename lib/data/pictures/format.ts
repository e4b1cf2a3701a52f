/** The formats of pictures that are accepted: by the name of a file, and by its first bytes. */

/** A format of pictures. */
export type PictureFormat = 'JPEG' | 'PNG' | 'WebP' | 'TIFF' | 'GIF' | 'AVIF';

/** All formats, as messages list them. */
export const formatList = 'JPEG, PNG, WebP, TIFF, GIF or AVIF';

const extensions: readonly string[] = [
  ...['.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.webp'],
  ...['.tif', '.tiff', '.gif', '.avif'],
];

/** Whether a file's name ends as the name of a picture does, in any case. */
export const isPictureName = (name: string): boolean =>
  extensions.some((extension) => name.toLowerCase().endsWith(extension));

/** Whether the first bytes, as Latin-1 text, are those of a format. */
type Signature = (head: string) => boolean;

const signatures: readonly (readonly [PictureFormat, Signature])[] = [
  ['JPEG', (head) => head.startsWith('\xff\xd8\xff')],
  ['PNG', (head) => head.startsWith('\x89PNG\r\n\x1a\n')],
  ['GIF', (head) => /^GIF8[79]a/.test(head)],
  ['WebP', (head) => head.startsWith('RIFF') && head.startsWith('WEBP', 8)],
  // Classic TIFF and BigTIFF, each in both orders of bytes.
  ['TIFF', (head) => ['II*\0', 'II+\0', 'MM\0*', 'MM\0+'].includes(head.slice(0, 4))],
  ['AVIF', (head) => head.startsWith('ftyp', 4) && /avi[fs]/.test(head.slice(8, 48))],
];

/** Most bytes that a signature looks at. */
const longest = 64;

/**
 * Returns the format of an encoded picture by its first bytes; null if it is none of those that are accepted. sharp would decode
 * others, too (SVG, which may refer to other files), depending on how it was built.
 */
export function formatOf(bytes: Uint8Array): PictureFormat | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(longest, bytes.length)).toString('latin1');
  return signatures.find(([, begins]) => begins(head))?.[0] ?? null;
}
