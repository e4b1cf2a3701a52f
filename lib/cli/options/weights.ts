/** --weights: a file of trained weights; --dtype: the type of those in a file that is written. */
import { type PictureFit, pictureFits } from '../../data/pictures/fit';
import { openSafetensors } from '../../files/tensorFile';
import { defaultWeightDType } from '../../train/convert/options';
import { weightDTypes } from '../../weights/values';
import { declare } from './declare';
import type { Given } from './resume';

export const weightsOption = declare({
  flags: '--weights <file>',
  help: 'the network: model.safetensors or best.safetensors of a run',
});

export const dtypeOption = declare({
  flags: '--dtype <type>',
  help: 'type of the weights in the result',
  choices: weightDTypes,
  default: defaultWeightDType,
  shown: defaultWeightDType,
});

/** Options of a model by the name that the metadata of a file have for them. */
const flags = {
  model: '--model',
  width: '--width',
  activation: '--activation',
  normalization: '--normalization',
  size: '--size',
  channels: '--channels',
} as const;

/** Returns the options that make the built-in model of a weights file. @throws ERR_DATA if the file cannot be read */
export function modelFlagsOf(path: string): Given {
  const { metadata } = openSafetensors(path);
  return Object.fromEntries(
    Object.entries(flags).flatMap(([key, flag]) => (metadata[key] === undefined ? [] : [[flag, metadata[key]]])),
  );
}

/** How the images of a network's training were made: options of pictures. */
interface TrainedPictures {
  readonly size?: readonly [height: number, width: number];
  readonly channels?: number;
  readonly fit?: PictureFit;
}

/** Returns how pictures are decoded for a network: as those of its training, as far as the file says it. @throws ERR_DATA */
export function trainedPicturesOf(path: string): TrainedPictures {
  const { imageShape, fit } = openSafetensors(path).metadata;
  const match = /^\[(\d+),(\d+),(\d+)\]$/.exec(imageShape ?? '');
  const [height, width, channels] = match?.slice(1).map(Number) ?? [];
  const known = pictureFits.find((one) => one === fit);
  return { ...(height && width && { size: [height, width], channels }), ...(known && { fit: known }) };
}
