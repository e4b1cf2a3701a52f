/** The augmentations: their table, the functions that make one, and their text form. Every export but the table is public. */
import { invalid, numberFromText } from '../../errors';
import { type Field, instance, integer, listing, number, numberWithin, optional } from '../../options/field';
import { type Fields, Options } from '../../options/options';
import { isArray } from '../../options/values';

/** The numbers of every kind of augmentation: see the function of its name. */
export interface AugmentationSettings {
  readonly crop: { readonly padding: number };
  readonly resizedCrop: Shares;
  readonly mirror: { readonly probability: number };
  readonly flip: { readonly probability: number };
  readonly rotation: { readonly degrees: number };
  readonly colourJitter: {
    readonly brightness: number;
    readonly contrast: number;
    readonly saturation: number;
    readonly hue: number;
  };
  readonly erasing: { readonly probability: number } & Shares;
  readonly mixup: { readonly alpha: number };
  readonly cutmix: { readonly alpha: number };
}

/** Limits of the area of a rectangle, as a share of the image's, and of the ratio of its sides. */
export interface Shares {
  readonly leastArea: number;
  readonly mostArea: number;
  readonly leastRatio: number;
  readonly mostRatio: number;
}

/** Name of an augmentation. */
export type AugmentationKind = keyof AugmentationSettings;

/** An augmentation of one kind, with its numbers. */
export type AugmentationOf<Kind extends AugmentationKind> = { readonly kind: Kind } & AugmentationSettings[Kind];

/** An augmentation with its numbers, as crop(), mirror(), ... and parse() of `augmentations` make it. */
export type Augmentation = { [Kind in AugmentationKind]: AugmentationOf<Kind> }[AugmentationKind];

/** A number that an augmentation has: which it may be, and which it is unless it is given. */
interface Setting {
  readonly field: Field<number>;
  readonly default: number;
}

const probability: Setting = { field: number([0, 1]), default: 0.5 };
const alpha = (usual: number): Setting => ({
  field: numberWithin({ least: 0, most: 100, open: 'least' }),
  default: usual,
});
const area = (usual: number): Setting => ({
  field: numberWithin({ least: 0, most: 1, open: 'least' }),
  default: usual,
});
const ratio = (usual: number): Setting => ({ field: number([0.01, 100]), default: usual });
const jitter = (usual: number): Setting => ({ field: number([0, 1]), default: usual });

/** The numbers of every kind, in the order of its text form. */
const kinds: {
  readonly [Kind in AugmentationKind]: { readonly [Name in keyof AugmentationSettings[Kind]]: Setting };
} = {
  crop: { padding: { field: integer(0, 4096), default: 0 } },
  resizedCrop: { leastArea: area(0.08), mostArea: area(1), leastRatio: ratio(3 / 4), mostRatio: ratio(4 / 3) },
  mirror: { probability },
  flip: { probability },
  rotation: { degrees: { field: number([0, 180]), default: 15 } },
  colourJitter: {
    ...{ brightness: jitter(0.4), contrast: jitter(0.4), saturation: jitter(0.4) },
    hue: { field: number([0, 0.5]), default: 0.1 },
  },
  erasing: {
    ...{ probability, leastArea: area(0.02), mostArea: area(0.33) },
    ...{ leastRatio: ratio(0.3), mostRatio: ratio(3.3) },
  },
  mixup: { alpha: alpha(0.2) },
  cutmix: { alpha: alpha(1) },
};

const settingsOf = (kind: AugmentationKind): Readonly<Record<string, Setting>> =>
  kinds[kind] as Readonly<Record<string, Setting>>;

function make<Kind extends AugmentationKind>(
  kind: Kind,
  given: Partial<AugmentationSettings[Kind]> = {},
): AugmentationOf<Kind> {
  const settings = settingsOf(kind);
  const fields = Object.fromEntries(Object.entries(settings).map(([name, { field }]) => [name, optional(field)]));
  const checked = new Options<Record<string, number | undefined>>(
    `${kind}()`,
    fields as Fields<Record<string, number | undefined>>,
  ).check(given as Record<string, number | undefined>);
  const numbers = Object.fromEntries(
    Object.entries(settings).map(([name, setting]) => [name, checked[name] ?? setting.default]),
  );
  checkOrder(kind, numbers, 'Area');
  checkOrder(kind, numbers, 'Ratio');
  return { kind, ...numbers } as AugmentationOf<Kind>;
}

function checkOrder(kind: string, numbers: Readonly<Record<string, number>>, what: string): void {
  const [least, most] = [numbers[`least${what}`], numbers[`most${what}`]];
  if (least !== undefined && most !== undefined && least > most)
    throw invalid(`most${what} of ${kind}`, `at least least${what}, ${least}`, most);
}

/**
 * Takes a window of the network's size at a random place. If the images are not larger than the network's, only `padding` makes
 * room for that.
 * @param options `padding`: pixels of the mean that are put around the image before, 0 to 4096, default 0
 * @throws ERR_INVALID_ARGUMENT
 */
export const crop = (options?: Partial<AugmentationSettings['crop']>): AugmentationOf<'crop'> => make('crop', options);

/**
 * Takes a part of random area and shape, and resizes it to the network's size (Szegedy et al., arXiv:1409.4842). It loses least if
 * the data set stores larger images than the network reads.
 * @param options `leastArea`, `mostArea`: share of the image's area, default 0.08 and 1; `leastRatio`, `mostRatio`: width
 * divided by height, default 3/4 and 4/3
 * @throws ERR_INVALID_ARGUMENT
 */
export const resizedCrop = (options?: Partial<AugmentationSettings['resizedCrop']>): AugmentationOf<'resizedCrop'> =>
  make('resizedCrop', options);

/**
 * Exchanges left and right in a part of the images. It spoils text, digits, and every task in which sides matter.
 * @param options `probability`: 0 to 1, default 0.5
 * @throws ERR_INVALID_ARGUMENT
 */
export const mirror = (options?: Partial<AugmentationSettings['mirror']>): AugmentationOf<'mirror'> =>
  make('mirror', options);

/**
 * Turns a part of the images upside down, without exchanging left and right.
 * @param options `probability`: 0 to 1, default 0.5
 * @throws ERR_INVALID_ARGUMENT
 */
export const flip = (options?: Partial<AugmentationSettings['flip']>): AugmentationOf<'flip'> => make('flip', options);

/**
 * Rotates images around their centre by an angle that is uniformly distributed. What comes into view is filled with the mean.
 * @param options `degrees`: the largest angle, to either side: 0 to 180, default 15
 * @throws ERR_INVALID_ARGUMENT
 */
export const rotation = (options?: Partial<AugmentationSettings['rotation']>): AugmentationOf<'rotation'> =>
  make('rotation', options);

/**
 * Changes brightness, contrast, saturation and hue, in this order. For images of 1 or 3 channels with a mean per channel.
 * @param options `brightness`, `contrast`, `saturation`: each factor is uniform from 1 - x to 1 + x, 0 to 1, default 0.4; `hue`: the
 * largest change in turns of the circle of hues, 0 to 0.5, default 0.1
 * @throws ERR_INVALID_ARGUMENT
 */
export const colourJitter = (options?: Partial<AugmentationSettings['colourJitter']>): AugmentationOf<'colourJitter'> =>
  make('colourJitter', options);

/**
 * Fills a rectangle of random area and shape with the mean, in a part of the images (Zhong et al., arXiv:1708.04896).
 * @param options `probability`: 0 to 1, default 0.5; `leastArea`, `mostArea`: share of the image, default 0.02 and 0.33;
 * `leastRatio`, `mostRatio`: height divided by width, default 0.3 and 3.3
 * @throws ERR_INVALID_ARGUMENT
 */
export const erasing = (options?: Partial<AugmentationSettings['erasing']>): AugmentationOf<'erasing'> =>
  make('erasing', options);

/**
 * Mixes each image, and its label, with another one of the batch (Zhang et al., arXiv:1710.09412). If cutmix is given too, each
 * image takes one of the two at random.
 * @param options `alpha`: the shares are distributed as Beta(alpha, alpha), above 0 to 100, default 0.2
 * @throws ERR_INVALID_ARGUMENT
 */
export const mixup = (options?: Partial<AugmentationSettings['mixup']>): AugmentationOf<'mixup'> =>
  make('mixup', options);

/**
 * Replaces a rectangle of each image by that of another one of the batch, and mixes the labels by area (Yun et al.,
 * arXiv:1905.04899).
 * @param options `alpha`: the areas are distributed as Beta(alpha, alpha), above 0 to 100, default 1
 * @throws ERR_INVALID_ARGUMENT
 */
export const cutmix = (options?: Partial<AugmentationSettings['cutmix']>): AugmentationOf<'cutmix'> =>
  make('cutmix', options);

const isAugmentation = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.hasOwn(kinds, (value as Augmentation).kind ?? '');

/** Accepts a list of augmentations, whose numbers checkAugmentation() checks. */
export const augmentationsField: Field<readonly Augmentation[]> = instance<readonly Augmentation[]>(
  'an array of augmentations such as mirror()',
  isArray,
);

/** Returns a copy of a list of augmentations, checked. @throws ERR_INVALID_ARGUMENT, naming the first that is wrong */
export function checkAugmentations(list: readonly Augmentation[]): readonly Augmentation[] {
  if (!isArray(list)) throw invalid('augmentation', augmentationsField.expected, list);
  return Array.from(list, (given, index) => {
    if (!isAugmentation(given)) throw wrongAugmentation(given, index);
    const { kind, ...numbers } = given;
    return make(kind, numbers) as Augmentation;
  });
}

function wrongAugmentation(given: unknown, index: number): Error {
  const { kind } = (given ?? {}) as { kind?: unknown };
  const received = typeof kind === 'string' ? `kind "${kind}"` : given;
  return invalid(
    `augmentation[${index}]`,
    `an augmentation such as mirror(): ${listing(Object.keys(kinds))}`,
    received,
  );
}

/** The augmentation of the paper's training on CIFAR-100 (arXiv:1602.05980): random crops, and half of all images mirrored. */
export const paperAugmentation: readonly Augmentation[] = [
  { kind: 'crop', padding: 0 },
  { kind: 'mirror', probability: 0.5 },
];

/** The text forms of all augmentations: "crop[:PADDING]". */
export const augmentationForms: string = Object.entries(kinds)
  .map(([kind, settings]) => `${kind}[:${Object.keys(settings).map(upper).join(':')}]`)
  .join(', ');

function upper(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/**
 * Returns the augmentations that a text names, with commas between: "crop:4,mirror,rotation:10". Numbers after a name are its
 * settings in their order, and those that are left out have their defaults. "none": an empty list; "paper": crop,mirror.
 * @throws ERR_INVALID_ARGUMENT for an unknown name (the message lists the forms), or a number out of range
 */
export function parseAugmentation(text: string): readonly Augmentation[] {
  if (typeof text !== 'string') throw invalid('augmentation', `none, paper, or ${augmentationForms}`, text);
  if (text === 'none') return [];
  if (text === 'paper') return paperAugmentation;
  return text.split(',').map(parseOne);
}

function parseOne(text: string): Augmentation {
  const [kind = '', ...numbers] = text.split(':');
  if (!Object.hasOwn(kinds, kind)) throw invalid('augmentation', `none, paper, or ${augmentationForms}`, text);
  const names = Object.keys(settingsOf(kind as AugmentationKind));
  if (numbers.length > names.length)
    throw invalid(`augmentation ${kind}`, `at most ${names.length} numbers (${names.join(', ')})`, text);
  const given = numbers.map((number, index) => [names[index], numberFromText(number)]);
  return make(kind as AugmentationKind, Object.fromEntries(given)) as Augmentation;
}

/** Returns the text form of a list of augmentations, which parseAugmentation() reads: "crop:0,mirror:0.5", or "none". */
export function formatAugmentation(list: readonly Augmentation[]): string {
  if (list.length === 0) return 'none';
  return list.map(({ kind, ...numbers }) => [kind, ...Object.values(numbers)].join(':')).join();
}
