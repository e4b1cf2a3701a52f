import { custom, type Field, optional } from '../options/field';
import { Options } from '../options/options';
import { convolution } from './convolution';
import { classifier, type Model, type ModelOptions, modelFields, resolveOptions, scaleChannels } from './model';
import { residualStages, zeroPadding } from './residual';

/** Options of cifarResnet(). */
export interface CifarResnetOptions extends ModelOptions {
  /** The number of layers with weights, 6n + 2: 8, 14, 20, ... up to 1202. Default 20. */
  depth?: number;
}

/** Limits of the depth: one block in each stage, and the deepest network of the paper. */
const [least, most] = [8, 1202];

const depthField: Field<number> = custom(
  `6n + 2 from ${least} to ${most} (8, 14, 20, ...)`,
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most && (value as number) % 6 === 2,
);

const cifarResnetOptions = new Options<CifarResnetOptions>('cifarResnet()', {
  ...modelFields,
  depth: optional(depthField),
});

/**
 * The residual network for CIFAR (He et al. 2015, arXiv:1512.03385, section 4.2): a 3x3 convolution, then three stages of n residual
 * blocks with 16, 32 and 64 channels, of which two halve the image, with shortcuts that have no parameters (option A). Default: depth
 * 20, 10 classes, images of 32x32x3, relu, normalization 'batch': 269,722 parameters.
 * [N, height, width, channels] -> logits [N, classes]
 * @throws ERR_INVALID_ARGUMENT, also for a depth that is not 6n + 2
 */
export function cifarResnet(options: CifarResnetOptions = {}): Model {
  const { depth = 20, ...others } = cifarResnetOptions.check(options);
  return cifarResnetOf(depth, others);
}

/** Makes the network of a depth that is not an option: for the names "cifarResnet20", ... of createModel(). */
export function cifarResnetOf(depth: number, options: ModelOptions = {}): Model {
  const name = `cifarResnet${depth}`;
  const resolved = resolveOptions(name, options);
  const { width, channels: inputs, style } = resolved;
  const blocks = (depth - 2) / 6;
  const stages = [16, 32, 64].map((channels) => ({ channels: scaleChannels(channels, width), blocks }));
  const [first, last] = [stages[0]!.channels, stages.at(-1)!.channels];
  const stem = convolution({ name: 'conv1', norm: 'bn1', inputs, outputs: first, kernel: 3, padding: 1 }, style);
  return classifier(name, [stem, ...residualStages(first, stages, zeroPadding(), style)], last, resolved, 'fc');
}
