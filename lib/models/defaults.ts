/** The options of the built-in networks that are not given: those that all share, and in which each differs. */
import type { Normalization } from '../layers/conv2d';
import { type Activation, leakyTanh, relu, relu6, tanh } from '../ops/activations';
import { croppedSize } from './imageSize';

/** The value of each option of a network that is not given. */
export interface ModelDefaults {
  readonly width: number;
  readonly classes: number;
  readonly activation: Activation;
  readonly size: number;
  readonly channels: number;
  readonly normalization: Normalization;
  readonly dropout: number;
}

/** The defaults of the Inceptions, and of every network that has no other ones. */
export const modelDefaults: ModelDefaults = {
  ...{ width: 1, classes: 100, activation: leakyTanh(), size: 28, channels: 3, normalization: 'none', dropout: 0 },
};

/** The defaults in which networks differ, by the name of the function that makes them. */
const ownDefaults: Readonly<Record<string, Partial<ModelDefaults>>> = {
  inceptionBn: { classes: 1000, size: 224, normalization: 'batch' },
  lenet: { classes: 10, channels: 1, activation: tanh() },
  cifarResnet: { classes: 10, size: 32, activation: relu(), normalization: 'batch' },
  resnet18: { classes: 1000, size: 224, activation: relu(), normalization: 'batch' },
  mobilenetV2: { classes: 1000, size: 224, activation: relu6(), normalization: 'batch', dropout: 0.2 },
};

/** Returns the defaults of a network by its name in `models`: "resnet18", "cifarResnet56". */
export function defaultsOf(model: string): ModelDefaults {
  const family = model.replace(/^(cifarResnet)\d+$/, '$1');
  return { ...modelDefaults, ...(Object.hasOwn(ownDefaults, family) ? ownDefaults[family] : {}) };
}

/** Returns which networks have another default of an option, by that default as text. */
function differences<K extends keyof ModelDefaults>(option: K, text: (value: ModelDefaults[K]) => string) {
  const names = new Map<string, string[]>();
  for (const name of Object.keys(ownDefaults)) {
    const shown = text(defaultsOf(name)[option]);
    if (shown !== text(modelDefaults[option])) names.set(shown, [...(names.get(shown) ?? []), name]);
  }
  return [...names].map(([value, models]) => ({ value, text: `${models.join(', ')}: ${value}` }));
}

/** Returns the default of an option in words: "none; inceptionBn, resnet18: batch". */
export const describeDefaults = <K extends keyof ModelDefaults>(
  option: K,
  text: (value: ModelDefaults[K]) => string = String,
): string => [text(modelDefaults[option]), ...differences(option, text).map((other) => other.text)].join('; ');

/** Returns the size to which pictures are decoded for a model if nothing else is said; undefined: the same as for most models. */
export function pictureSizeFor(model: string | undefined): number | undefined {
  const { size } = defaultsOf(model ?? '');
  return size > croppedSize ? size : undefined;
}

/** Returns in words for which models pictureSizeFor() returns a size: "inceptionBn, resnet18: 224". */
export const describePictureSizes = (): string =>
  differences('size', String)
    .filter(({ value }) => Number(value) > croppedSize)
    .map((other) => other.text)
    .join('; ');
