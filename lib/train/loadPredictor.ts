/** Makes a network from the file that training wrote, which contains everything that prediction needs. */

import { decodingField, pictureDefaults } from '../data/pictures/decode';
import { type ImageShape, imageShapeField } from '../data/source';
import type { Statistics } from '../data/statistics';
import { invalid, SaturnnError, show } from '../errors';
import { parseJson } from '../files/json';
import { readSafetensors, type SafetensorsFile } from '../files/safetensors';
import type { Normalization } from '../layers';
import { createModel, type Model } from '../models';
import { parseImageSize } from '../models/imageSize';
import { parseActivation } from '../ops/activations';
import { flag, integer, optional } from '../options/field';
import { checkArgument, Options } from '../options/options';
import { type Device, deviceField, deviceOf, precisionField } from '../runtime/device';
import { State } from '../tensor/state';
import { valuesFrom } from './checkpoint/weights';
import { Predictor, type PredictorOptions } from './predictor';

/** Options of loadPredictor(). */
export interface LoadPredictorOptions extends Pick<PredictorOptions, 'precision' | 'deterministic' | 'autotune'> {
  /**
   * Shape of the images to predict: [height, width, channels]. Default: that of the training's images, or, if an old file does not say
   * it, of those that the model reads.
   */
  shape?: ImageShape;
  /** Most images per step, 1 to 1,000,000. Default 64. Fewer images are predicted in smaller steps. */
  batch?: number;
  /** A device, or its name for openDevice(). Default "auto": a GPU if one works, else the CPU. */
  device?: Device | string;
  /**
   * Whether images of another height and width than those of the training are taken: only the pixels at their centre, as many as
   * the model reads, then count. Default false: such images are refused, because they should be resized first.
   */
  crop?: boolean;
}

/** The defaults of LoadPredictorOptions. */
export const loadPredictorDefaults = { batch: 64 } as const;

const loadOptions = new Options<LoadPredictorOptions>('loadPredictor()', {
  shape: optional(imageShapeField),
  batch: optional(integer(1, 1_000_000)),
  device: optional(deviceField),
  precision: optional(precisionField),
  deterministic: optional(flag),
  autotune: optional(flag),
  crop: optional(flag),
});

/**
 * Reads model.safetensors, which `saturnn train` and Trainer.saveWeights() write, and makes the model that it describes, with its
 * weights. It works for the models of createModel() only. The predictor must be disposed of.
 * @param path path of the file
 * @param options shape of the images to predict, most images per step (default 64), device (default "auto"), `crop` for images of
 * another size; see PredictorOptions for the others
 * @throws ERR_INVALID_ARGUMENT for an option, also for a shape of other images than those of the training, without `crop`;
 * ERR_DATA if the file is broken, does not describe a model of this package, or its tensors do not fit that model; ERR_UNSUPPORTED if
 * the device lacks the precision
 */
export async function loadPredictor(path: string, options: LoadPredictorOptions = {}): Promise<Predictor> {
  if (typeof path !== 'string' || path === '') throw invalid('path', 'the path of a safetensors file', path);
  const { crop = false, device: where, shape: given, ...own } = loadOptions.check(options);
  const { batch = loadPredictorDefaults.batch } = own;
  const file = readSafetensors(path);
  const fail = (what: string) => new SaturnnError('ERR_DATA', `${path} cannot be used: ${what}`);
  const { model, statistics, data } = describedBy(file, fail);
  const shape = given ?? statistics.imageShape ?? model.inputShape;
  checkShape(shape, model, statistics, crop);
  const device = deviceOf(where);
  const values = valuesFrom(file, model, fail);
  const state = new State(model.parameters, { optimizerSlots: 0, buffers: model.buffers });
  try {
    await state.on(device);
    for (const [part, data] of values) await state.write(part, data);
    return await Predictor.create({ ...own, batch, shape, device, model, state, statistics, data, ownsState: true });
  } catch (error) {
    state.dispose();
    throw error;
  }
}

/** Checks the shape of the images to predict against the model and its training. @throws ERR_INVALID_ARGUMENT */
function checkShape(shape: ImageShape, { inputShape }: Model, { imageShape }: Statistics, crop: boolean): void {
  const [height, width, channels] = shape;
  const [modelHeight, modelWidth, modelChannels] = inputShape;
  if (channels !== modelChannels) throw invalid('channels of shape', `the model's ${modelChannels}`, channels);
  const read = `${modelHeight}x${modelWidth}`;
  if (height < modelHeight || width < modelWidth)
    throw invalid('shape', `images of at least the model's ${read}`, [...shape]);
  const trained = imageShape ?? inputShape;
  if (crop || (height === trained[0] && width === trained[1])) return;
  const expected = `images of ${trained[0]}x${trained[1]}, as in training (crop: true takes the ${read} at the centre of others),`;
  throw invalid('shape', expected, [...shape]);
}

function describedBy({ metadata }: SafetensorsFile, fail: (what: string) => SaturnnError) {
  try {
    const number = (key: string) => Number(metadata[key]);
    const model: Model = createModel(metadata.model ?? '', {
      width: number('width'),
      classes: number('classes'),
      activation: parseActivation(metadata.activation ?? ''),
      size: parseImageSize(metadata.size ?? ''),
      // Files of earlier versions do not say: their models have three.
      channels: metadata.channels === undefined ? undefined : number('channels'),
      normalization: metadata.normalization as Normalization | undefined,
    });
    return { model, statistics: statisticsOf(metadata), data: trainedOn(metadata, model.classes) };
  } catch (error) {
    throw fail((error as Error).message);
  }
}

/** Returns what the file says of the training's data. Files of version 0.1.0 say nothing of it. @throws SaturnnError */
function trainedOn(metadata: SafetensorsFile['metadata'], classes: number): NonNullable<PredictorOptions['data']> {
  const { classNames: names, fit, background } = metadata;
  const classNames = names === undefined ? null : parseJson(names);
  const isNames = Array.isArray(classNames) && classNames.every((name) => typeof name === 'string');
  if (classNames !== null && !(isNames && classNames.length === classes))
    throw invalid('classNames', `${classes} names`, classNames);
  if (fit === undefined) return { classNames };
  const decoding = { fit, background: parseJson(background ?? 'null') ?? pictureDefaults.background };
  return { classNames, decoding: checkArgument('the decoding of pictures', decodingField, decoding) };
}

function statisticsOf(metadata: SafetensorsFile['metadata']): Statistics {
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
