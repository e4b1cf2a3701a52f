import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodePicture, type PictureOptions } from '../../../lib';
import { drawPlain, type Format, pixelAt, sharp } from './draw';

/** Two halves side by side: red and blue. */
const halves = (width = 40, height = 20) =>
  sharp({ create: { width, height, channels: 3, background: '#f00' } }).composite([
    { input: { create: { width: width / 2, height, channels: 3, background: '#00f' } }, left: width / 2, top: 0 },
  ]);

const near = (value: number[], expected: number[], most: number) => {
  expect(value).toHaveLength(expected.length);
  const distance = value.map((one, index) => Math.abs(one - expected[index]!));
  expect(Math.max(...distance), `${value}`).toBeLessThanOrEqual(most);
};

const first = async (bytes: Uint8Array, options: Partial<PictureOptions> = {}) => {
  const channels = options.channels ?? 3;
  return pixelAt(await decodePicture(bytes, { size: 8, ...options }), 8, channels, 3, 3);
};

describe('decodePicture', () => {
  it.each<[Format, number]>([
    ['jpeg', 4],
    ['png', 1],
    ['webp', 8],
    ['tiff', 4],
    ['gif', 4],
    ['avif', 8],
  ])('decodes %s', async (format, most) => {
    const pixels = await decodePicture(await drawPlain({ format }), { size: [4, 6] });
    expect(pixels).toHaveLength(72);
    near(pixelAt(pixels, 6, 3, 5, 3), [200, 100, 50], most);
  });

  it('crops to the middle, pads with the background, or stretches', async () => {
    const wide = await halves(40, 10).png().toBuffer();
    const at = async (fit: PictureOptions['fit'], background?: PictureOptions['background']) => {
      const pixels = await decodePicture(wide, { size: 20, fit, background });
      return [pixelAt(pixels, 20, 3, 1, 10), pixelAt(pixels, 20, 3, 18, 10), pixelAt(pixels, 20, 3, 1, 1)];
    };
    const [red, blue] = [
      [255, 0, 0],
      [0, 0, 255],
    ];
    expect(await at('crop')).toEqual([red, blue, red]);
    expect(await at('pad')).toEqual([red, blue, [255, 255, 255]]);
    expect(await at('pad', [7, 8, 9])).toEqual([red, blue, [7, 8, 9]]);
    expect(await at('stretch')).toEqual([red, blue, red]);
    expect(await at(undefined)).toEqual(await at('crop'));
  });

  it('turns the picture as its EXIF orientation says', async () => {
    // 6: to be turned by 90 degrees clockwise, so the left half is shown above.
    const turned = await halves(40, 40).withMetadata({ orientation: 6 }).png().toBuffer();
    const pixels = await decodePicture(turned, { size: 8 });
    near(pixelAt(pixels, 8, 3, 4, 1), [255, 0, 0], 2);
    near(pixelAt(pixels, 8, 3, 4, 6), [0, 0, 255], 2);
  });

  it('makes grey three equal channels, and colour one channel of brightness', async () => {
    const grey = await sharp(await drawPlain({ colour: [90, 90, 90] }))
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect((await sharp(grey).metadata()).channels).toBe(1);
    expect(await first(grey)).toEqual([90, 90, 90]);
    expect(await first(grey, { channels: 1 })).toEqual([90]);
    expect(await first(grey, { channels: 4 })).toEqual([90, 90, 90, 255]);
    const [green] = await first(await drawPlain({ colour: [0, 200, 0] }), { channels: 1 });
    const [blue] = await first(await drawPlain({ colour: [0, 0, 200] }), { channels: 1 });
    expect(green!).toBeGreaterThan(blue!);
  });

  it('blends transparent pixels with the background, or keeps the opacity as the fourth channel', async () => {
    const clear = { r: 200, g: 100, b: 50, alpha: 0.5 };
    const half = await sharp({ create: { width: 9, height: 9, channels: 4, background: clear } })
      .png()
      .toBuffer();
    near(await first(half), [228, 178, 153], 2);
    near(await first(half, { background: [0, 0, 0] }), [100, 50, 25], 2);
    near(await first(half, { channels: 4 }), [200, 100, 50, 128], 1);
    near(await first(half, { channels: 1, background: [0, 0, 0] }), [64], 12);
    const grey = await sharp(half).toColourspace('b-w').png().toBuffer();
    expect((await sharp(grey).metadata()).channels).toBe(2);
    expect(await first(grey, { channels: 4 })).toHaveLength(4);
    expect(await first(grey)).toHaveLength(3);
  });

  it('takes 16 bits per channel for 8', async () => {
    const plain = await drawPlain();
    const deep = await sharp(plain).toColourspace('rgb16').png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    near(await first(deep), [200, 100, 50], 1);
    const grey = await sharp(await drawPlain({ colour: [90, 90, 90] }))
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect((await sharp(grey).metadata()).depth).toBe('ushort');
    near(await first(grey), [90, 90, 90], 1);
    near(await first(grey, { channels: 1 }), [90], 1);
  });

  it('converts CMYK to sRGB', async () => {
    const cmyk = await sharp(await drawPlain())
      .toColourspace('cmyk')
      .jpeg({ quality: 95 })
      .toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    near(await first(cmyk), [200, 100, 50], 40);
    expect(await first(cmyk, { channels: 1 })).toHaveLength(1);
    expect(await first(cmyk, { channels: 4 })).toHaveLength(4);
  });

  it('takes the first picture of an animation', async () => {
    const frames = [await drawPlain({ colour: [255, 0, 0] }), await drawPlain({ colour: [0, 0, 255] })];
    const moving = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    expect((await sharp(moving).metadata()).pages).toBe(2);
    near(await first(moving), [255, 0, 0], 3);
  });

  it('scales up a picture of one pixel, and down one that is 30,000 pixels wide', async () => {
    expect(await first(await drawPlain({ width: 1, height: 1 }))).toEqual([200, 100, 50]);
    const wide = await drawPlain({ width: 30_000, height: 2 });
    expect(await first(wide)).toEqual([200, 100, 50]);
    expect(await first(wide, { fit: 'stretch' })).toEqual([200, 100, 50]);
  });

  it('refuses what is no picture, and what is damaged, with a reason', async () => {
    const refused = (bytes: Uint8Array) => expect(decodePicture(bytes, { size: 8 })).rejects;
    const error = (message: RegExp) =>
      expect.objectContaining({ code: 'ERR_DATA', message: expect.stringMatching(message) });
    await refused(new Uint8Array()).toThrow(error(/Cannot decode the picture: it is empty$/));
    await refused(Buffer.from('hello')).toThrow(error(/it is not JPEG, PNG, WebP, TIFF, GIF or AVIF$/));
    await refused(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')).toThrow(
      error(/is not JPEG/),
    );
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, index) => (index * 7919) % 251));
    for (const format of ['jpeg', 'png', 'webp', 'tiff', 'gif', 'avif'] as const) {
      const whole = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
        [format]()
        .toBuffer();
      await refused(whole.subarray(0, whole.length >> 1)).toThrow(error(/^Cannot decode the picture: .+[^.]$/));
      await refused(whole.subarray(0, 16)).toThrow(error(/^Cannot decode the picture: .+[^.]$/));
    }
  });

  it('refuses a decompression bomb', async () => {
    const bomb = await drawPlain();
    // A header that claims 17,000 x 17,000 pixels, with its checksum.
    bomb.writeUInt32BE(17_000, 16);
    bomb.writeUInt32BE(17_000, 20);
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    await expect(decodePicture(bomb, { size: 8 })).rejects.toThrow(/it has more than 268 million pixels, the limit/);
  });

  it('refuses wrong arguments', async () => {
    const bytes = await drawPlain();
    const given = (options: object) => decodePicture(bytes, options as PictureOptions);
    await expect(decodePicture('a.png' as never, { size: 8 })).rejects.toThrow('Expected a Uint8Array for bytes');
    await expect(given({})).rejects.toThrow(/for size/);
    for (const size of [0, 1.5, 4097, [8], [8, 0], 'big'])
      await expect(given({ size })).rejects.toThrow(
        'Expected an integer from 1 to 4096, or two of them, [height, width], for size',
      );
    await expect(given({ size: 8, fit: 'cover' })).rejects.toThrow('Expected crop, pad or stretch for fit');
    await expect(given({ size: 8, channels: 2 })).rejects.toThrow('Expected 1, 3 or 4 for channels');
    await expect(given({ size: 8, background: [0, 0, 256] })).rejects.toThrow('Expected [red, green, blue]');
  });
});
