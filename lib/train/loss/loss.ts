/** The loss of a training: what it may be, and what it asks of the data. */
import { type Augmentation, formatAugmentation } from '../../data/augmentation/kinds';
import type { ImageSource } from '../../data/source';
import { checkRowValues, type Targets } from '../../data/targets';
import { invalid, SaturnnError } from '../../errors';
import type { MetricsKind } from '../../evaluation/metrics';
import type { Model } from '../../models/model';
import { custom, type Field, oneOf, text } from '../../options/field';
import { Options } from '../../options/options';
import { isCallback } from '../../options/values';
import type { Tensor } from '../../tensor/tensor';
import type { ModelCard } from '../modelFile/card';

/** What a loss of one's own is made of. */
export interface LossTensors {
  /** The outputs of the network, f32 [batch, outputs]. */
  readonly outputs: Tensor;
  /** The labels, i32 [batch]; -1 in rows that only fill up a batch, which must not count. mean() and the other losses take them. */
  readonly labels: Tensor;
  /** The targets, f32 [batch, width]; null if the training set has none. */
  readonly targets: Tensor | null;
  /** Weights of the rows, f32 [batch]: those of the images times those of their classes; null if there are none. */
  readonly weights: Tensor | null;
}

/** A loss of one's own: returns the loss of a batch, f32 [1], as a function of tensors. Its name stands in checkpoints. */
export type LossFunction = (inputs: LossTensors) => Tensor;

/** The name of a loss of saturnn. */
export type LossName = 'crossEntropy' | 'meanSquaredError' | 'meanAbsoluteError' | 'binaryCrossEntropy';

/** What each loss of saturnn measures: classes, numbers or several labels. */
const kinds: Readonly<Record<LossName, MetricsKind>> = {
  crossEntropy: 'classes',
  meanSquaredError: 'numbers',
  meanAbsoluteError: 'numbers',
  binaryCrossEntropy: 'labels',
};

/**
 * The loss of a training. "crossEntropy": softmax cross-entropy with the labels or, if the data have targets, with these as
 * probabilities of the classes. "meanSquaredError", "meanAbsoluteError": distances of the outputs to the targets.
 * "binaryCrossEntropy": several labels per image, where the targets are 1 and 0. Or a function of tensors.
 */
export type Loss = LossName | LossFunction;

const names = Object.keys(kinds) as readonly LossName[];

/** Accepts a Loss. */
export const lossField: Field<Loss> = custom(
  `${names.join(', ')}, or a function`,
  (value) => names.includes(value as LossName) || isCallback(value),
);

/** A checked loss. */
export interface ResolvedLoss extends TrainedLoss {
  readonly loss: Loss;
  /** Targets per image; null: the loss reads none. */
  readonly width: number | null;
}

/** The loss that a network was trained with. */
export interface TrainedLoss {
  /** Its name: that of a Loss, or "function" and the name of a function. */
  readonly name: string;
  /** What the network computes: "classes", "numbers" or "labels" (several of each image). */
  readonly kind: MetricsKind;
}

/** Accepts a TrainedLoss. */
export const trainedLossField: Field<TrainedLoss> = new Options<TrainedLoss>('option loss', {
  name: text,
  kind: oneOf(['classes', 'numbers', 'labels'] as const),
}).nested();

/** Returns the loss of a training from its description in a model card; cross-entropy if there is none. */
export function trainedLoss(card: Pick<ModelCard, 'settings' | 'train'> | null): TrainedLoss {
  const { loss: name = usualLoss.name } = card?.settings ?? {};
  if (typeof name !== 'string') return usualLoss;
  if (Object.hasOwn(kinds, name)) return { name, kind: kinds[name as LossName] };
  return { name, kind: card?.train.targets === undefined ? 'classes' : 'numbers' };
}

/** The loss of a training that says nothing else. */
export const usualLoss: ResolvedLoss = { loss: 'crossEntropy', name: 'crossEntropy', kind: 'classes', width: null };

/** The settings that not every loss can have. */
export interface LossSettings {
  readonly model: Model;
  readonly train: ImageSource;
  readonly test: ImageSource | null;
  readonly labelSmoothing: number;
  readonly classWeights: unknown;
  readonly augmentation: readonly Augmentation[];
  /** Parts in which a step is computed. */
  readonly accumulate: number;
}

/**
 * Checks a loss against the data and the other settings.
 * @throws ERR_INVALID_ARGUMENT, naming the option that does not fit
 */
export function resolveLoss(loss: Loss, settings: LossSettings): ResolvedLoss {
  const { train, test, model } = settings;
  checkRowValues(train, train.count, ' of train');
  if (test) checkRowValues(test, test.count, ' of test');
  const name = typeof loss === 'string' ? loss : `function ${loss.name}`;
  if (typeof loss !== 'string' && !loss.name)
    throw invalid('loss', 'a function with a name, which checkpoints compare', loss);
  const hasTargets = !!train.targets;
  const kind = typeof loss === 'string' ? kinds[loss] : hasTargets ? 'numbers' : 'classes';
  if (!hasTargets && kind !== 'classes') throw invalid('targets of train', `numbers for the loss "${name}"`, 'none');
  if (loss === 'crossEntropy' && model.classes < 2)
    throw invalid('classes of the model', 'at least 2, for the loss "crossEntropy",', model.classes);
  checkSettings(loss, name, settings);
  if (!hasTargets) return { loss, name, kind, width: null };
  for (const [set, source] of [['train', train] as const, ['test', test] as const]) {
    if (!source) continue;
    if (source.targets?.width !== model.classes)
      throw invalid(
        `width of the targets of ${set}`,
        `the network's ${model.classes} outputs`,
        source.targets?.width ?? 'none',
      );
    checkValues(loss, source.targets, set);
  }
  return { loss, name, kind, width: model.classes };
}

/** Checks the settings that belong to classes. @throws ERR_INVALID_ARGUMENT */
function checkSettings(loss: Loss, name: string, settings: LossSettings): void {
  const { labelSmoothing, classWeights, augmentation, train, accumulate } = settings;
  const isCrossEntropy = loss === 'crossEntropy';
  const refuse = (option: string, received: unknown, why = `the loss "${name}"`) => {
    throw new SaturnnError('ERR_INVALID_ARGUMENT', `${option} does not apply to ${why} (received ${received})`);
  };
  if (!isCrossEntropy && labelSmoothing !== 0) refuse('labelSmoothing', labelSmoothing);
  // The mean over a batch would have to be known to be one: each part has its share of it.
  if (typeof loss !== 'string' && accumulate > 1) refuse('accumulate', accumulate, 'a loss of your own');
  const ofTargets = train.targets ? 'targets, which are no single class' : undefined;
  const hasClasses = !ofTargets && (isCrossEntropy || typeof loss !== 'string');
  if (!hasClasses && classWeights !== null)
    refuse('classWeights', JSON.stringify(classWeights), isCrossEntropy ? ofTargets : undefined);
  const mixes = augmentation.filter(({ kind }) => kind === 'mixup' || kind === 'cutmix');
  if ((!isCrossEntropy || ofTargets) && mixes.length > 0)
    refuse(`augmentation ${mixes[0]!.kind}`, formatAugmentation(mixes), isCrossEntropy ? ofTargets : undefined);
}

/** How far a row of probabilities may be from adding up to 1. */
const tolerance = 1e-3;

/** Checks that targets are what the loss takes them for. @throws ERR_INVALID_ARGUMENT, naming the first that is not */
function checkValues(loss: Loss, { values, width }: Targets, set: string): void {
  if (loss !== 'crossEntropy' && loss !== 'binaryCrossEntropy') return;
  const wrong = values.findIndex((value) => !(value >= 0 && value <= 1));
  if (wrong >= 0)
    throw invalid(`targets.values[${wrong}] of ${set}`, `a number from 0 to 1, for the loss "${loss}",`, values[wrong]);
  if (loss !== 'crossEntropy') return;
  for (let row = 0; row * width < values.length; row++) {
    let sum = 0;
    for (let k = row * width; k < (row + 1) * width; k++) sum += values[k]!;
    if (Math.abs(sum - 1) > tolerance)
      throw invalid(
        `row ${row} of the targets of ${set}`,
        'numbers that add up to 1, for the loss "crossEntropy",',
        sum,
      );
  }
}
