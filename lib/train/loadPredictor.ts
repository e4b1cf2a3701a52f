/** Makes a Predictor of a model file, which contains everything that prediction needs. */

import { type ImageShape, imageShapeField } from '../data/source';
import type { Statistics } from '../data/statistics';
import { invalid } from '../errors';
import { type NamedTensor, readSafetensors } from '../files/safetensors';
import type { Model } from '../models';
import { flag, integer, optional, pathField } from '../options/field';
import { checkArgument, Options } from '../options/options';
import { type Device, deviceField, deviceOf, precisionField } from '../runtime/device';
import { State } from '../tensor/state';
import { trainedLoss } from './loss/loss';
import { modelOf } from './modelFile/loadModel';
import { Predictor, type PredictorOptions, predictorDefaults } from './predictor';

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
 * Reads a model file, which `saturnn train` and Trainer.saveWeights() write, and makes a predictor of the network that it holds: see
 * loadModel(). The predictor must be disposed of.
 * @param path path of the file
 * @param options shape of the images to predict, most images per step (default 64), device (default "auto"), `crop` for images of
 * another size; see PredictorOptions for the others
 * @throws ERR_INVALID_ARGUMENT for an option, also for a shape of other images than those of the training, without `crop`;
 * what loadModel() throws; ERR_UNSUPPORTED if the device lacks the precision
 */
export async function loadPredictor(path: string, options: LoadPredictorOptions = {}): Promise<Predictor> {
  checkArgument('path', pathField, path);
  const { crop = false, device: where, shape: given, ...own } = loadOptions.check(options);
  const { batch = predictorDefaults.batch } = own;
  const file = readSafetensors(path);
  const { model, statistics, classNames, decoding, card } = modelOf(file, path);
  const shape = given ?? statistics.imageShape ?? model.inputShape;
  checkShape(shape, model, statistics, crop);
  const device = deviceOf(where);
  const data = { classNames, decoding };
  const state = new State(model.parameters, { optimizerSlots: 0, buffers: model.buffers });
  try {
    await state.on(device);
    // The State has them now.
    (file.tensors as Map<string, NamedTensor>).clear();
    const loss = trainedLoss(card);
    return await Predictor.create({
      ...{ ...own, batch, shape, device, model, state, statistics, data, loss, ownsState: true },
    });
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
