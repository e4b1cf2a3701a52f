/** The model card of a file: where its weights come from. */
import type { EpochEvent, OtherMetrics } from '../../optim/metric';
import type { CheckpointInfo, Description } from '../checkpoint/checkpointInfo';

/** Where the weights of a model file come from, in JSON values. */
export interface ModelCard {
  /** Version of the package that wrote the file. */
  readonly saturnn: string;
  /** Steps of training. */
  readonly step: number;
  /** Losses and accuracies of the last evaluation, with its epoch and step; null before the first. */
  readonly metrics: CardMetrics | null;
  /** Size, shape and classes of the training set, and a fingerprint: a hash of its labels and of some images. */
  readonly train: Description;
  /** The same of the test or validation set; null if there was none. */
  readonly test: Description | null;
  /** The settings of the training: batch, seed, precision, optimizer, schedule and others. */
  readonly settings: Description;
  /** The file of weights with which the training began; absent if they were random. */
  readonly from?: CardOrigin;
}

/** A file of weights with which a training began. */
export interface CardOrigin {
  /** Name of the file, without its folder. */
  readonly file: string;
  /** SHA-256 of its bytes; if an index names several files, of the index and these in their order. */
  readonly sha256: string;
  /** Name of the network; absent if saturnn has not written the file. */
  readonly network?: string;
  /** The number of classes of the network in the file. */
  readonly classes?: number;
  /** The card of the file, which may say in turn where its weights come from; absent if it has none. */
  readonly card?: ModelCard;
}

/** Metrics of a ModelCard. Accuracies are fractions, 0 to 1. */
export type CardMetrics = Pick<
  EpochEvent,
  'epoch' | 'step' | 'trainLoss' | 'trainAccuracy' | 'testLoss' | 'testAccuracy' | 'testTop5' | 'evaluated'
> &
  OtherMetrics;

/** Makes the card of the weights that a checkpoint holds, or would hold now. */
export function cardOf(
  info: Pick<CheckpointInfo, 'saturnn' | 'train' | 'test' | 'settings' | 'position' | 'from'>,
): ModelCard {
  const { saturnn, train, test, settings, position, from } = info;
  const { step, reported } = position;
  return {
    saturnn,
    step,
    metrics: reported ? metricsOf(reported) : null,
    train,
    test,
    settings,
    ...(isOrigin(from) && { from }),
  };
}

/** Speeds and times are left out: equal trainings give equal files. */
function metricsOf(event: EpochEvent): CardMetrics {
  const { event: _, complete, scheduled, learningRate, imagesPerSecond, ...metrics } = event;
  return metrics;
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether JSON values have the form of a card. A later version may write more. */
export function isCard(value: unknown): value is ModelCard {
  if (!isObject(value)) return false;
  const { saturnn, step, metrics, train, test, settings, from } = value as Partial<ModelCard>;
  const isNamed = typeof saturnn === 'string' && Number.isInteger(step);
  if (from !== undefined && !isOrigin(from)) return false;
  return (
    isNamed && [metrics, test].every((part) => part === null || isObject(part)) && [train, settings].every(isObject)
  );
}

function isOrigin(value: unknown): value is CardOrigin {
  if (!isObject(value)) return false;
  const { file, sha256, network = '', classes = 0, card } = value as Partial<CardOrigin>;
  const isNamed = [file, sha256, network].every((name) => typeof name === 'string') && Number.isInteger(classes);
  return isNamed && (card === undefined || isCard(card));
}
