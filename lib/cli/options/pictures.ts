/** The options that say how a folder of pictures becomes images of one size. */
import { InvalidArgumentError } from 'commander';
import type { OpenedSource, SourceOptions } from '../../data/openSource';
import { largestSide, type PictureOptions, pictureChannels, pictureSizeField } from '../../data/pictures/decode';
import { pictureFits } from '../../data/pictures/fit';
import {
  brokenPolicies,
  type ImageFolder,
  type PictureSetOptions,
  pictureSetDefaults,
  pictureSetFields,
} from '../../data/pictures/openSet';
import { evaluatedSet } from '../../data/source';
import { describeShare } from '../../data/validation';
import { invalid } from '../../errors';
import { describePictureSizes, pictureSizeFor } from '../../models/defaults';
import { accepts, listing } from '../../options/field';
import { declare } from './declare';

/** Reads "64" or "48x64", height before width. */
function readPictureSize(text: string): PictureOptions['size'] {
  const numbers = text.split('x').map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  const size = numbers.length === 2 ? ([numbers[0]!, numbers[1]!] as const) : (numbers[0] as number);
  if (numbers.length < 3 && accepts(pictureSizeField, size)) return size;
  throw new InvalidArgumentError(`Expected one integer from 1 to ${largestSide}, or two as HEIGHTxWIDTH.`);
}

const storedSizeOption = declare({
  flags: '--stored-size <n>',
  help: 'pictures: height and width to which they are decoded, one number or HEIGHTxWIDTH; more than --size leaves room for random crops',
  read: readPictureSize,
  field: pictureSetFields.size,
  otherwise: `--size, or ${pictureSetDefaults.size}; ${describePictureSizes()}`,
});

const fitOption = declare({
  flags: '--fit <how>',
  help: 'pictures: how those of another aspect ratio are brought to the size: their middle, with a border, or distorted',
  choices: pictureFits,
  otherwise: pictureFits[0],
});

const onBrokenOption = declare({
  flags: '--on-broken <what>',
  help: 'pictures: whether one that cannot be decoded is an error, or is left out and counted',
  choices: brokenPolicies,
  otherwise: pictureSetDefaults.onBroken,
});

const cacheDirOption = declare({
  flags: '--cache-dir <dir>',
  help: 'pictures: folder of the decoded images, which later calls use again',
  otherwise: "the user's cache",
});

/** The values of the options of pictures. */
export interface PictureFlags extends Pick<PictureSetOptions, 'fit' | 'onBroken' | 'cacheDir'> {
  storedSize?: PictureOptions['size'];
}

/** Makes the options of pictures. @param onBroken the default of --on-broken, if it is the command's own */
export const pictureOptions = (onBroken?: (typeof brokenPolicies)[number]) => [
  ...[
    storedSizeOption(),
    fitOption(),
    onBrokenOption(onBroken && { default: onBroken, shown: onBroken, otherwise: undefined }),
  ],
  cacheDirOption(),
];

/** Options of the network that also determine how pictures are decoded. */
export interface NetworkFlags {
  readonly size?: PictureOptions['size'];
  readonly channels?: number;
  readonly model?: string;
}

/** Returns what the options of pictures say, in the library's names. */
export const pictureChoices = ({ storedSize, fit, onBroken, cacheDir }: PictureFlags) => ({
  ...{ size: storedSize, fit, onBroken, cacheDir },
});

/** Returns how pictures are decoded: to the size that the network reads, unless another one is to be stored. */
export function picturesFrom(options: PictureFlags & NetworkFlags): Omit<PictureSetOptions, 'mode'> {
  const { storedSize, size, channels, model } = options;
  const decoded = pictureChannels.find((count) => count === channels);
  if (channels !== undefined && !decoded)
    throw invalid('--channels', `${listing(pictureChannels.map(String))} for pictures`, channels);
  return { ...pictureChoices(options), size: storedSize ?? size ?? pictureSizeFor(model), channels: decoded };
}

/**
 * Says in a line or two what was found in a folder of pictures, and what was left out.
 * @param validation the part of the training set that is evaluated in place of the test set
 */
export function describePictures(
  data: string,
  { train, test, split, broken, ignored }: ImageFolder,
  { validation, test: wantsTest = true }: Pick<SourceOptions, 'validation' | 'test'> = {},
): string {
  const [height, width] = train.shape;
  const evaluated = test && wantsTest && !validation ? ` and ${test.count} ${evaluatedSet(test)}` : '';
  const sets = `${train.count} training${evaluated} images`;
  const chosen = validation
    ? `; the validation set is ${describeShare(validation)}`
    : split
      ? `; the test set is ${describeShare(split)}`
      : '';
  const lines = [`${data}: ${sets} of ${train.classes} classes, decoded to ${height}x${width}${chosen}`];
  const [first] = broken;
  if (first)
    lines.push(`left out: ${counted(broken.length, 'broken picture')} (${first.name}: ${first.reason}${more(broken)})`);
  if (ignored.length > 0)
    lines.push(
      `left out: ${counted(ignored.length, 'file')} that ${ignored.length === 1 ? 'is no picture' : 'are no pictures'} (${ignored[0]}${more(ignored)})`,
    );
  return lines.join('\n');
}

/** "1 file", "2 files". */
const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const more = (all: readonly unknown[]): string => (all.length > 1 ? ', ...' : '');

/**
 * Returns the size of a network that reads whole pictures, unless another size is given; nothing for other data, of which networks have
 * their own default.
 */
export const networkSize = ({ train, pictures }: OpenedSource, { size }: NetworkFlags): NetworkFlags =>
  pictures && size === undefined ? { size: [train.shape[0], train.shape[1]] } : {};
