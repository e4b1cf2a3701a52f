/** --weights: a file of trained weights. */
import type { ImageShape } from '../../data/source';
import { readSafetensors } from '../../files/safetensors';
import { declare } from './declare';
import type { Given } from './resume';

export const weightsOption = declare({
  flags: '--weights <file>',
  help: 'the network: model.safetensors or best.safetensors of a run',
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

/** Returns the options that make the model of a weights file. @throws ERR_DATA if the file cannot be read */
export function modelFlagsOf(path: string): Given {
  const { metadata } = readSafetensors(path);
  return Object.fromEntries(
    Object.entries(flags).flatMap(([key, flag]) => (metadata[key] === undefined ? [] : [[flag, metadata[key]]])),
  );
}

/** Returns the shape of the images of a network's training; null if the file does not say it. @throws ERR_DATA */
export function trainedShapeOf(path: string): ImageShape | null {
  const { imageShape } = readSafetensors(path).metadata;
  const match = /^\[(\d+),(\d+),(\d+)\]$/.exec(imageShape ?? '');
  return match && [Number(match[1]), Number(match[2]), Number(match[3])];
}
