/** The options of a training that begins with the weights of a file. */
import { readSafetensors } from '../../files/safetensors';
import { openSafetensors } from '../../files/tensorFile';
import { type Model, models } from '../../models';
import { formatImageSize, type ImageSize, sidesOf } from '../../models/imageSize';
import { formatActivation } from '../../ops/activation';
import { readPattern } from '../../options/selection';
import { modelOf } from '../../train/modelFile/loadModel';
import type { TrainerOptions } from '../../train/trainer';
import { isOwn } from '../../weights/own';
import { declare, doesNotApply } from './declare';
import { describeImages } from './model';
import type { PictureFlags } from './pictures';
import * as read from './readers';
import type { Given } from './resume';
import { modelFlagsOf, trainedPicturesOf, weightsOption } from './weights';

const declareFreeze = declare({
  flags: '--freeze <pattern>',
  help: "leave what these patterns of names fit as it is, for example '3*,conv1': it costs neither gradients nor memory of the optimizer",
  read: read.checking((text) => readPattern('--freeze', text)),
});

/** Makes --freeze. */
export const freezeOption = () => declareFreeze({ several: 'distinct' });

const newHeadOption = declare({
  flags: '--new-head',
  help: 'put a new last layer, with the classes of the data, in the place of that of --weights',
});

/** Makes the options of fine-tuning. */
export const fineTuneOptions = () => [
  weightsOption({
    note: "; a new training begins with these weights, and trains the file's network unless options of a model are given",
  }),
  freezeOption(),
  newHeadOption(),
];

/** The parsed options. */
export interface FineTuneOptions {
  weights?: string;
  freeze?: readonly string[];
  newHead?: boolean;
}

/** Options that say which network is made. */
const modelFlags = ['--model', '--width', '--activation', '--normalization', '--dropout', '--size', '--channels'];

const isOwnFile = ({ weights }: FineTuneOptions): boolean => weights !== undefined && isOwn(openSafetensors(weights));
const isAnyGiven = (flags: readonly string[], given: Given): boolean => flags.some((flag) => given[flag] !== undefined);

/** Whether the network is that of the file of --weights. @throws ERR_DATA if the file cannot be read */
export const isNetworkOfFile = (options: FineTuneOptions, given: Given): boolean =>
  !isAnyGiven(modelFlags, given) && isOwnFile(options);

/** Whether images are normalised as the file of --weights says. @throws ERR_DATA if the file cannot be read */
export const isNormalizedByFile = (options: FineTuneOptions, given: Given): boolean =>
  !isAnyGiven(['--mean', '--scale'], given) && isOwnFile(options);

/**
 * Returns the given options, and where they change a built-in model of --weights, those that made it.
 * @throws ERR_DATA if the file cannot be read; ERR_INVALID_ARGUMENT for options that do not apply
 */
export function withModelOfWeights(options: FineTuneOptions, given: Given): Given {
  const { weights } = options;
  if (weights === undefined) {
    if (options.newHead) throw doesNotApply('--new-head', 'without --weights');
    return given;
  }
  if (given['--init'] !== undefined) throw doesNotApply('--init', 'to a training that begins with --weights');
  if (isNetworkOfFile(options, given)) return given;
  const { model } = openSafetensors(weights).metadata;
  const isBuiltIn = model !== undefined && Object.hasOwn(models, model);
  const other = modelFlags.find((flag) => given[flag] !== undefined);
  if (model !== undefined && !isBuiltIn && given['--model'] === undefined)
    throw doesNotApply(other!, `to the network of ${weights}, which is not built in: its file holds it as it is`);
  return given['--model'] === undefined ? { ...modelFlagsOf(weights), ...given } : given;
}

/** Returns the network of --weights as the file holds it, for what must be known of it before it is trained. @throws ERR_DATA */
export const networkOfFile = (weights: string): Model =>
  modelOf(readSafetensors(openSafetensors(weights).path), weights).model;

/** Returns the size and the channels of the images that a network reads, as options say them. */
export const imagesOf = ({ inputShape: [height, width, channels] }: Model) =>
  ({ size: [height, width], channels }) as const;

/**
 * Returns how pictures are decoded where options do not say it: as those of the file's training, unless the network now reads another size.
 * @param size the size that the network reads, if an option says it
 * @throws ERR_DATA if the file cannot be read
 */
export function picturesOfFile(
  options: FineTuneOptions & Pick<PictureFlags, 'fit' | 'storedSize'> & { readonly size?: ImageSize },
): Pick<PictureFlags, 'fit' | 'storedSize'> {
  const { weights, fit, storedSize, size } = options;
  if (weights === undefined || !isOwnFile(options)) return {};
  const trained = trainedPicturesOf(weights);
  const isSame = size === undefined || formatImageSize(sidesOf(size)) === openSafetensors(weights).metadata.size;
  return { fit: fit ?? trained.fit, storedSize: storedSize ?? (isSame ? trained.size : undefined) };
}

/** Returns what config.json and reports say of the network of a file, in place of the options of a model. */
export const describeFileNetwork = (model: Model) => ({
  ...{ model: model.name, width: model.width, activation: formatActivation(model.activation) },
  ...{ normalization: model.normalization, init: undefined, dropout: undefined },
  ...describeImages(model),
});

/** Returns the options of a Trainer that say what is fine-tuned. @param classes those of the data */
export const fineTuningOf = (
  { weights, freeze, newHead }: FineTuneOptions,
  classes: number,
): Pick<TrainerOptions, 'weights' | 'freeze' | 'head'> => ({
  ...(weights !== undefined && { weights }),
  ...(freeze && { freeze }),
  ...(newHead && { head: { classes } }),
});
