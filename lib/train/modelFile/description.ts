/** Writes and reads the metadata of a model file beside the graph: name and options of the model, normalisation, classes, pictures. */
import { decodingField, pictureDefaults } from '../../data/pictures/decode';
import type { PictureDecoding } from '../../data/pictures/fit';
import type { ImageShape, ImageSource } from '../../data/source';
import type { Statistics } from '../../data/statistics';
import { invalid, SaturnnError, show } from '../../errors';
import { parseJson } from '../../files/json';
import { normalizationField } from '../../layers/conv2d';
import { formatImageSize, parseImageSize } from '../../models/imageSize';
import { type Model, type ModelOptions, widthField } from '../../models/model';
import { formatActivation } from '../../ops/activation';
import { parseActivation } from '../../ops/activations';
import { checkArgument } from '../../options/options';
import { isCard, type ModelCard } from './card';

/** Texts by name, as a safetensors file has them. */
export type Metadata = Readonly<Record<string, string>>;

/** The facts about a network's training data that are written with its weights. */
export type TrainedOn = Pick<ImageSource, 'classNames' | 'decoding'>;

/** Returns the metadata of a model, of the normalisation of its images, and of the data that it was trained on. */
export function describeNetwork(
  model: Model,
  { mean, meanShape, scale, imageShape }: Statistics,
  { classNames = null, decoding = null }: Partial<TrainedOn> = {},
): Record<string, string> {
  return {
    model: model.name,
    width: String(model.width),
    classes: String(model.classes),
    activation: formatActivation(model.activation),
    normalization: model.normalization ?? 'none',
    size: formatImageSize(model.inputShape),
    channels: String(model.inputShape[2]),
    mean: JSON.stringify([...mean]),
    meanShape: JSON.stringify(meanShape),
    scale: JSON.stringify([...scale]),
    ...(imageShape && { imageShape: JSON.stringify(imageShape) }),
    ...(classNames?.length === model.classes && { classNames: JSON.stringify(classNames) }),
    ...(decoding && { fit: decoding.fit, background: JSON.stringify(decoding.background) }),
  };
}

/** Returns the members of a Model that only describe it. @throws SaturnnError */
export function namesOf({ model = 'custom', width = '1', activation = '', normalization }: Metadata) {
  return {
    name: model,
    width: checkArgument('width', widthField, Number(width)),
    activation: parseActivation(activation),
    ...(normalization !== undefined && {
      normalization: checkArgument('normalization', normalizationField, normalization as never),
    }),
  };
}

/** Returns the options of the built-in model that a file without a graph describes. They are not checked yet. @throws SaturnnError */
export function modelOptionsOf(metadata: Metadata): ModelOptions {
  const number = (key: string) => Number(metadata[key]);
  return {
    width: number('width'),
    classes: number('classes'),
    activation: parseActivation(metadata.activation ?? ''),
    size: parseImageSize(metadata.size ?? ''),
    // Files of earlier versions do not say: their models have three.
    channels: metadata.channels === undefined ? undefined : number('channels'),
    normalization: metadata.normalization as ModelOptions['normalization'],
  };
}

/** Returns what the file says of the training's data. Files of version 0.1.0 say nothing of it. @throws SaturnnError */
export function trainedOn(
  { classNames: names, fit, background }: Metadata,
  classes: number,
): { readonly classNames: readonly string[] | null; readonly decoding: PictureDecoding | null } {
  const classNames = names === undefined ? null : parseJson(names);
  const isNames = Array.isArray(classNames) && classNames.every((name) => typeof name === 'string');
  if (classNames !== null && !(isNames && classNames.length === classes))
    throw invalid('classNames', `${classes} names`, classNames);
  if (fit === undefined) return { classNames, decoding: null };
  const decoding = { fit, background: parseJson(background ?? 'null') ?? pictureDefaults.background };
  return { classNames, decoding: checkArgument('the decoding of pictures', decodingField, decoding) };
}

/** Returns the normalisation of images. @throws ERR_DATA */
export function statisticsIn(metadata: Metadata): Statistics {
  const numbers = (key: string): number[] => {
    const values = parseJson(metadata[key] ?? 'null');
    if (Array.isArray(values) && values.every(Number.isFinite)) return values;
    throw new SaturnnError('ERR_DATA', `Expected numbers for ${key} but received ${show(values)}`);
  };
  const scale = Float32Array.from(numbers('scale'));
  const mean = Float32Array.from(numbers('mean'));
  const deviation = scale.map((factor) => 1 / factor);
  const shape = metadata.imageShape === undefined ? null : numbers('imageShape');
  return {
    ...{ mean, meanShape: numbers('meanShape'), scale, deviation },
    ...(shape?.length === 3 && { imageShape: shape as unknown as ImageShape }),
  };
}

/** Returns the model card; null if the file has none, as those of earlier versions. @throws ERR_DATA */
export function cardIn({ card: text }: Metadata): ModelCard | null {
  if (text === undefined) return null;
  const card = parseJson(text);
  if (isCard(card)) return card;
  throw new SaturnnError('ERR_DATA', `Expected a model card but received ${show(text)}`);
}
