/** sigmoid* against sigmoid: the exact re-parametrisation and the scalar factors that the paper and a guess suggest. */

import { generated, generatedClasses, generatedCounts } from '../../data/generated';
import { type ImageSource, imageBytes } from '../../data/source';
import { type StatisticsOptions, statisticsOf } from '../../data/statistics';
import { checkInteger, checkNumber, invalid } from '../../errors';
import type { Model } from '../../models/model';
import { type Device, deviceOf, type Precision } from '../../runtime/device';
import { precisionTable } from '../../runtime/precisions';
import { uploadImages } from '../../train/feed';
import type { ContestImages } from './contestant';
import { type EquivalenceModelName, equivalenceModel, equivalenceModels } from './models';
import { rules } from './rules';
import { type Comparison, compareRules, type RuleRun } from './run';

export type { Comparison, RuleRun };

export interface EquivalenceOptions {
  /** A name; or a sigmoid* network of your own, made anew at each call (`padding` is then yours to follow). Default small. */
  model?: EquivalenceModelName | ((options: { padding: boolean; classes: number }) => Model);
  /** Of convolutions, with zeros; default both, but inception33 with it alone. */
  padding?: boolean;
  /** Default 100. */
  steps?: number;
  /** Of the sigmoid* network; default 0.03. */
  learningRate?: number;
  /** Default 0.9. */
  momentum?: number;
  /** Default 1e-4. */
  weightDecay?: number;
  /** Images per step; default 16. */
  batch?: number;
  /** Test images whose logits are compared; default 16. */
  probe?: number;
  /** Height and width of the crops, a multiple of 4; default 20. */
  size?: number;
  /** Of inception33; default 0.25. */
  width?: number;
  /** Of the weights, the order of images, crops and mirrors; default 0. */
  seed?: number;
  /** Both or neither; default: generated, as many as are used. */
  train?: ImageSource;
  test?: ImageSource;
  statistics?: StatisticsOptions;
  device?: Device | string;
  /** Default f32. Not fp16, which skips steps on its own. */
  precision?: Precision;
  /** Ends it between two steps with the signal's reason. */
  signal?: AbortSignal;
  /** After each step of all networks: how many are done, of how many. */
  onStep?: (done: number, total: number) => void;
}

export interface EquivalenceResult {
  readonly settings: Readonly<Record<string, unknown>>;
  /** With padding first. */
  readonly comparisons: readonly Comparison[];
}

/**
 * Trains a sigmoid* network and sigmoid networks by every rule of docs/equivalence.md, on the same batches, and measures per step how
 * far each is from the sigmoid* run.
 * @throws ERR_INVALID_ARGUMENT; ERR_UNSUPPORTED if the device lacks the precision; what compile throws
 */
export async function equivalence(options: EquivalenceOptions = {}): Promise<EquivalenceResult> {
  const { model = 'small', width = 0.25, precision = 'f32', statistics: pixels = {}, signal, onStep } = options;
  const ownModel = typeof model === 'function';
  if (!ownModel && !equivalenceModels.includes(model)) throw invalid('model', equivalenceModels.join(', '), model);
  const numbers = checkNumbers(options);
  if (Boolean(options.train) !== Boolean(options.test))
    throw invalid('train and test', 'both or neither', 'one of them');
  if (precisionTable[precision]?.scalesLoss) throw invalid('precision', 'f32, tf32 or bf16', precision);
  const paddings = choosePaddings(options.padding, model === 'inception33');
  const { classes } = options.train ?? { classes: generatedClasses };
  const make = (padding: boolean) => () => {
    return ownModel
      ? model({ padding, classes })
      : equivalenceModel(model, { padding, classes, width, size: numbers.size });
  };
  // Before data are read: what cannot be made is refused at once.
  const models = paddings.map((padding) => make(padding)());
  const device = deviceOf(options.device);
  device.checkPrecision(precision);
  const { train, test } = options.train && options.test ? { train: options.train, test: options.test } : draw(numbers);
  const resident = await uploadImages(train, device);
  const probe = await probeImages(test, Math.min(numbers.probe, test.count), device);
  try {
    const statistics = await statisticsOf(train, pixels);
    const comparisons: Comparison[] = [];
    for (const [index, padding] of paddings.entries()) {
      const before = index * numbers.steps;
      const comparison = await compareRules({
        ...{ ...numbers, model: make(padding), padding, rules, signal, device, precision, statistics, probe },
        ...{ train: { resident, shape: [train.count, ...train.shape] }, labels: train.labels },
        onStep: (step) => onStep?.(before + step, paddings.length * numbers.steps),
      });
      comparisons.push(comparison);
    }
    const { name, width: factor } = models[0]!;
    const settings = {
      ...{ model: name, width: factor, classes, ...numbers, precision },
      ...{ trainImages: train.count, device: device.name, deviceInfo: device.info },
    };
    return { settings, comparisons };
  } finally {
    resident.dispose();
    probe.resident.dispose();
  }
}

function checkNumbers(options: EquivalenceOptions) {
  return {
    steps: checkInteger('steps', options.steps ?? 100, 1, 100_000),
    learningRate: checkNumber('learningRate', options.learningRate ?? 0.03, 0, 1e6),
    momentum: checkNumber('momentum', options.momentum ?? 0.9, 0, 1),
    weightDecay: checkNumber('weightDecay', options.weightDecay ?? 1e-4, 0, 1e6),
    batch: checkInteger('batch', options.batch ?? 16, 1, 65536),
    probe: checkInteger('probe', options.probe ?? 16, 1, 65536),
    size: checkInteger('size', options.size ?? 20, 4, 4096),
    seed: checkInteger('seed', options.seed ?? 0, 0, 2 ** 31 - 1),
  };
}

/** No more than are looked at: drawing one takes longer than a step with it. */
function draw({ steps, batch, probe }: ReturnType<typeof checkNumbers>) {
  const { train, test } = generatedCounts;
  return generated({ train: Math.min(steps * batch, train), test: Math.min(probe, test) });
}

function choosePaddings(padding: boolean | undefined, needsIt: boolean): readonly boolean[] {
  if (padding !== undefined && typeof padding !== 'boolean') throw invalid('padding', 'true or false', padding);
  if (padding !== undefined) return [padding];
  return needsIt ? [true] : [true, false];
}

async function probeImages(source: ImageSource, count: number, device: Device): Promise<ContestImages> {
  const images = new Uint8Array(count * imageBytes(source));
  await source.read(
    Int32Array.from({ length: count }, (_, index) => index),
    images,
  );
  return { resident: device.upload(images), shape: [count, ...source.shape] };
}
