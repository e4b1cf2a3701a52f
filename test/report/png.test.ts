import { describe, expect, it } from 'vitest';
import { reportHtml } from '../../lib/report/page';
import { encodePng, pngDataUri } from '../../lib/report/png';
import { sharp } from '../data/pictures/draw';

describe('encodePng', () => {
  it.each([1, 2, 3, 4])('writes %s channels, as another decoder reads them', async (channels) => {
    const pixels = Uint8Array.from({ length: 5 * 7 * channels }, (_, index) => (index * 37) % 256);
    const png = encodePng(pixels, [5, 7, channels]);
    const raw = await sharp(png)
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([raw.info.height, raw.info.width]).toEqual([5, 7]);
    // sharp makes four channels of grey with alpha.
    const kept = [[0], [0, 3], [0, 1, 2], [0, 1, 2, 3]][channels - 1]!;
    const pixel = (index: number) => raw.data.subarray(index * raw.info.channels);
    expect(Array.from({ length: 35 }, (_, index) => kept.map((channel) => pixel(index)[channel])).flat()).toEqual([
      ...pixels,
    ]);
  });

  it('makes an address of it, and refuses another number of bytes', () => {
    expect(pngDataUri(new Uint8Array(3), [1, 1, 3])).toMatch(/^data:image\/png;base64,iVBORw0KGgo/);
    expect(() => encodePng(new Uint8Array(4), [1, 1, 3])).toThrow('Expected 3 bytes for pixels but received 4');
  });
});

it('a report shows pictures in a gallery, with captions that cannot be HTML', () => {
  const pictures = [{ pixels: new Uint8Array(12), shape: [2, 2, 3] as const, caption: '<b>cat' }];
  const page = { title: 't', lead: '', tables: [], charts: [], settings: {} };
  const html = reportHtml({ ...page, galleries: [{ title: 'Samples', pictures, note: 'a note' }] });
  expect(html).toContain('<section id="gallery-1">');
  expect(html).toMatch(
    /<li><img src="data:image\/png;base64,[^"]+" width="2" height="2" alt="&lt;b&gt;cat"><span>&lt;b&gt;cat/,
  );
  expect(html).toContain('<p class="note">a note</p>');
  const wrong = [{ pixels: new Uint8Array(11), shape: [2, 2, 3] as const, caption: '' }];
  expect(() => reportHtml({ ...page, galleries: [{ title: 'Samples', pictures: wrong }] })).toThrow(
    'Expected 12 bytes for pixels',
  );
});
