/** Evaluates a network on a source of images: what Trainer.evaluate() and Predictor.evaluate() share. */
import { type Batches, DataLoader } from '../../data/loader';
import { type ImageSource, isSource } from '../../data/source';
import { checkRowValues, targetsOf } from '../../data/targets';
import { invalid, SaturnnError } from '../../errors';
import { checkLabelRange } from '../../evaluation/evaluatePredictions';
import { type AnyEvaluation, TargetSums } from '../../evaluation/others';
import { EvaluationSums } from '../../evaluation/sums';
import { Tally } from '../checkpoint/tally';
import type { ResolvedLoss } from '../loss/loss';
import { targetInputs } from '../loss/targetInputs';
import type { Runner } from '../runner';
import type { EvaluationOptions } from './options';

/** The network that is evaluated: what its images and classes must be. */
export interface EvaluatedNetwork {
  /** Shape of the images that it is given: [height, width, channels]. */
  readonly shape: readonly number[];
  readonly classes: number;
  /** One name per class; null if they are not known. */
  readonly classNames: readonly string[] | null;
  /** The loss that it was trained with: it says what the network computes. */
  readonly loss: Pick<ResolvedLoss, 'name' | 'kind' | 'width'>;
}

/**
 * Checks that a network can be evaluated on a data set. A set may have fewer classes than the network, but the names of its classes must be
 * the network's, in the same order, as far as both are known.
 * @throws ERR_INVALID_ARGUMENT
 */
export function checkEvaluated(source: ImageSource, network: EvaluatedNetwork): void {
  if (!isSource(source)) throw invalid('data', 'a Dataset or another ImageSource', source);
  const { shape, classes } = network;
  if (!(source.count > 0)) throw invalid('data', 'at least one image', 'none');
  if (String(source.shape) !== String(shape)) throw invalid('shape of images', `[${shape}]`, source.shape);
  const { kind, width, name } = network.loss;
  if (width !== null || kind !== 'classes') {
    checkRowValues(source, source.count, ' of data');
    if (source.targets?.width !== classes)
      throw invalid(
        'targets of data',
        `${classes} numbers per image, for the loss "${name}",`,
        source.targets?.width ?? 'none',
      );
  }
  if (kind !== 'classes') return;
  if (source.classes > classes) throw invalid('data', `at most the network's ${classes} classes`, source.classes);
  checkNames(source.classNames, network.classNames);
  checkLabelRange(source.labels, classes, 'labels of data');
}

function checkNames(names: readonly string[] | null, expected: readonly string[] | null): void {
  if (!names || !expected) return;
  const differs = names.findIndex((name, label) => name !== expected[label]);
  if (differs < 0) return;
  const what = `the network's name ${JSON.stringify(expected[differs])} (as for all of its classes)`;
  throw invalid(`class ${differs} of data`, what, names[differs]);
}

/**
 * Evaluates a network whose plan has the output logits and, if it computes classes, probabilities. If it also has loss, and what the
 * network is measured by, the loss is the one that the plan has computed.
 * @throws ERR_INVALID_ARGUMENT; ERR_NON_FINITE
 */
export async function evaluateSource(
  runner: Runner,
  source: ImageSource,
  batch: number,
  network: EvaluatedNetwork,
  { mistakes, bins, signal }: EvaluationOptions,
): Promise<AnyEvaluation> {
  const { classes, loss } = network;
  const isOfClasses = loss.kind === 'classes';
  const sums = isOfClasses ? new EvaluationSums({ classes, mistakes, bins }) : new TargetSums(classes);
  const tally = new Tally();
  const loader = new DataLoader({ labels: source.labels, batch, shuffle: false });
  const hasLoss = 'loss' in runner.graph.outputs;
  const inputsAhead = (batches: Batches) => (hasLoss ? targetInputs(loss, source, batches) : {});
  for await (const run of runner.run({ epoch: loader.epoch(0), first: 0, last: loader.steps, inputsAhead, signal })) {
    const { outputs, steps } = run.result;
    // The last batch may be filled up with masked rows, which are left out.
    const rows = Math.min(steps * batch, source.count - sums.count);
    const part = (name: string) => (outputs[name] as Float32Array).subarray(0, rows * classes);
    const logits = part('logits');
    checkFinite(logits, classes, sums.count);
    const { labels, indices } = run.batches;
    if (sums instanceof TargetSums) sums.add(logits, targetsOf(source.targets!, indices.subarray(0, rows)));
    else sums.add({ labels: labels.subarray(0, rows), logits, probabilities: part('probabilities') });
    if (outputs.loss) tally.add(run.batches, run.result, run.milliseconds);
  }
  const names = network.classNames ?? source.classNames;
  if (sums instanceof TargetSums) return sums.result(loss.kind, hasLoss ? tally.loss : sums.loss(loss.name), names);
  const evaluation = sums.result(names);
  return Number.isFinite(tally.loss) ? { ...evaluation, loss: tally.loss } : evaluation;
}

function checkFinite(logits: Float32Array, classes: number, first: number): void {
  const wrong = logits.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return;
  const image = first + Math.floor(wrong / classes);
  throw new SaturnnError('ERR_NON_FINITE', `The output of the network for image ${image} is not finite`);
}
