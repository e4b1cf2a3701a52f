/** The tables of augmentation: what they depend on, text forms, and bad input. */
import { describe, expect, test } from 'vitest';
import * as kinds from '../../../lib/data/augmentation/kinds';
import { augmenterOf, batchOf, range, rowsOf } from './support';

const everything = [
  kinds.rotation(),
  kinds.resizedCrop(),
  kinds.mirror(),
  kinds.flip(),
  kinds.colourJitter(),
  kinds.erasing(),
];

describe('what is drawn for an image', () => {
  test('depends on seed, epoch and image alone, not on its place in a batch', () => {
    const augmenter = augmenterOf({ augmentation: everything });
    const [together, apart] = [augmenter.tables(2, batchOf([5, 6, 7, 8])), augmenter.tables(2, batchOf([8, 5]))];
    for (const name of ['places', 'colours', 'erasures'] as const) {
      const columns = name === 'colours' ? 4 : 6;
      const [rows, [eight, five]] = [rowsOf(together[name], columns), rowsOf(apart[name], columns)];
      expect([rows[3], rows[0]]).toEqual([eight, five]);
    }
    expect(augmenter.tables(3, batchOf([5])).places).not.toEqual(augmenter.tables(2, batchOf([5])).places);
    const other = augmenterOf({ augmentation: everything, seed: 12 });
    expect(other.tables(2, batchOf([5])).places).not.toEqual(augmenter.tables(2, batchOf([5])).places);
  });

  test('does not depend on how steps are divided into calls', () => {
    const augmenter = augmenterOf({ augmentation: [...everything, kinds.mixup(), kinds.cutmix()] });
    const labels = Int32Array.from([1, 2, 3, 4, 5, -1]);
    const whole = augmenter.tables(1, { steps: 2, indices: Int32Array.of(1, 2, 3, 4, 5, 6), labels, rows: [3, 2] });
    const parts = [0, 3].map((first) =>
      augmenter.tables(1, {
        steps: 1,
        indices: Int32Array.of(1, 2, 3, 4, 5, 6).subarray(first, first + 3),
        labels: labels.subarray(first, first + 3),
        rows: [3],
      }),
    );
    for (const name of augmenter.names) {
      expect([...whole[name]!]).toEqual(parts.flatMap((part) => [...part[name]!]));
    }
    expect(whole.partnerLabels![5]).toBe(-1);
  });

  test('does not depend on which other kinds are in the list; two of a kind are drawn apart', () => {
    const [alone, among] = [[kinds.colourJitter()], everything].map((augmentation) =>
      augmenterOf({ augmentation }).tables(0, batchOf(range(5))),
    );
    expect(alone!.colours).toEqual(among!.colours);
    const twice = augmenterOf({ augmentation: [kinds.rotation(), kinds.rotation()], stored: [28, 28, 3] });
    const once = augmenterOf({ augmentation: [kinds.rotation({ degrees: 30 })], stored: [28, 28, 3] });
    expect(twice.tables(0, batchOf(range(5))).places).not.toEqual(once.tables(0, batchOf(range(5))).places);
  });
});

test('without augmentation there is no table; one without a crop takes the centre', () => {
  expect(augmenterOf({}).tables(0, batchOf([1]))).toEqual({});
  const always = augmenterOf({ augmentation: [kinds.mirror({ probability: 1 })], stored: [31, 30, 3] });
  expect(rowsOf(always.tables(0, batchOf([1])).places, 6)).toEqual([[1, 0, 1, 0, -1, 28]]);
});

describe('text forms', () => {
  test.each([
    ['none', []],
    ['paper', [kinds.crop(), kinds.mirror()]],
    ['crop:4,mirror:1', [kinds.crop({ padding: 4 }), kinds.mirror({ probability: 1 })]],
    ['colourJitter:0.1:0:0.3', [kinds.colourJitter({ brightness: 0.1, contrast: 0, saturation: 0.3 })]],
    ['resizedCrop:0.5,cutmix', [kinds.resizedCrop({ leastArea: 0.5 }), kinds.cutmix()]],
  ])('%s', (text, list) => {
    expect(kinds.parseAugmentation(text)).toEqual(list);
    expect(kinds.parseAugmentation(kinds.formatAugmentation(list))).toEqual(list);
  });

  test.each([
    ['mirorr', /none, paper, or crop\[:PADDING\], .*mirorr/],
    ['', /none, paper/],
    ['mirror:2', /from 0 to 1 .*probability.*2/],
    ['crop:1.5', /integer from 0 to 4096 .*padding.*1\.5/],
    ['rotation:10:2', /at most 1 numbers \(degrees\).*rotation:10:2/],
    ['resizedCrop:0.5:0.4', /at least leastArea, 0\.5.*mostArea of resizedCrop.*0\.4/],
    ['mirror:x', /probability.*NaN/],
  ])('refuses "%s"', (text, message) => {
    expect(() => kinds.parseAugmentation(text)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    );
  });
});

describe('bad input', () => {
  test.each<[string, Parameters<typeof augmenterOf>[0], RegExp]>([
    ['a list that is none', { augmentation: 'mirror' as never }, /array of augmentations.*mirror/],
    ['another object', { augmentation: [{ kind: 'blur' } as never] }, /augmentation\[0\].*blur/],
    ['an unknown number', { augmentation: [{ kind: 'mirror', probably: 1 } as never] }, /probably/],
    ['a crop without room', { augmentation: [kinds.crop({ padding: 1 })], size: [36, 36] }, /at least 36x36.*32x32/],
    ['images that are too small', { augmentation: [kinds.mirror()], size: [33, 28] }, /at least 33x28.*32x32/],
    ['colours of four channels', { augmentation: [kinds.colourJitter()], stored: [32, 32, 4] }, /1 or 3 channels.*4/],
  ])('%s', (_, options, message) => {
    expect(() => augmenterOf(options)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    );
  });
});
