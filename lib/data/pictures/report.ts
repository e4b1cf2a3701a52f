/** Reports on the files of a folder of pictures: their sizes, broken files, and files that are equal. */
import type { BrokenPicture, ImageFolder, ListedPicture } from './openSet';

/** Sizes of the files' pictures, [height, width], by their number of pixels. */
export interface FileSizes {
  readonly smallest: readonly [number, number];
  readonly median: readonly [number, number];
  readonly largest: readonly [number, number];
}

/** A report on a folder of pictures. */
export interface PictureReport {
  /** Null if no size is known. */
  readonly sizes: FileSizes | null;
  readonly split: ImageFolder['split'];
  readonly broken: readonly BrokenPicture[];
  /** Files that are no pictures. */
  readonly ignored: readonly string[];
  /** Groups of files with equal bytes. */
  readonly duplicates: readonly (readonly string[])[];
  /** A file of the training set, and an equal one of another set, which therefore tests nothing. */
  readonly leaks: readonly (readonly [trained: string, tested: string])[];
  readonly cache: string;
}

/** Makes the report. */
export function reportPictures({ list, split, broken, ignored, cache }: ImageFolder): PictureReport {
  const pictures = list();
  const groups = equalOnes(pictures);
  return {
    ...{ sizes: sizesOf(pictures), split, broken, ignored, cache },
    duplicates: groups.map((group) => group.map(({ name }) => name)),
    leaks: groups.flatMap((group) => {
      const trained = group.find((picture) => picture.split === 'train');
      const tested = group.filter((picture) => picture.split === 'test' || picture.split === 'validation');
      return trained ? tested.map(({ name }) => [trained.name, name] as const) : [];
    }),
  };
}

function sizesOf(pictures: readonly ListedPicture[]): FileSizes | null {
  const known = pictures.filter(({ height, width }) => height > 0 && width > 0);
  known.sort((a, b) => a.height * a.width - b.height * b.width);
  if (known.length === 0) return null;
  const at = (index: number) => [known[index]!.height, known[index]!.width] as const;
  return { smallest: at(0), median: at(known.length >> 1), largest: at(known.length - 1) };
}

/** Returns the groups of at least two pictures with the same bytes. */
function equalOnes(pictures: readonly ListedPicture[]): ListedPicture[][] {
  const groups = new Map<string, ListedPicture[]>();
  for (const picture of pictures) {
    const group = groups.get(picture.hash);
    if (group) group.push(picture);
    else if (picture.hash !== '') groups.set(picture.hash, [picture]);
  }
  return [...groups.values()].filter(({ length }) => length > 1);
}
