/** Evaluates a Trainer's network. */
import { type Batches, DataLoader } from '../../data/loader';
import { type ImageSource, isSource, type Split } from '../../data/source';
import { invalid } from '../../errors';
import type { Measured } from '../../evaluation/metrics';
import type { AnyEvaluation } from '../../evaluation/others';
import { Tally } from '../checkpoint/tally';
import { targetInputs } from '../loss/targetInputs';
import type { Runners } from '../runners';
import { evaluationGraph, type StepGraphOptions } from '../stepGraphs';
import { type ResolvedOptions, sourceOf } from '../trainerOptions';
import { checkEvaluated, evaluateSource } from './evaluateSource';
import type { EvaluationOptions } from './options';

const averagedIn = ({ state }: StepGraphOptions) => state.averageSlot !== null;

/** Evaluates a Trainer's network: Trainer.evaluate(). */
export async function evaluateData(
  options: ResolvedOptions,
  runners: Runners,
  data: Split | ImageSource,
  checked: EvaluationOptions,
): Promise<AnyEvaluation> {
  const { model, train, part: batch, loss } = options;
  const isSplit = data === 'train' || data === 'test';
  if (!isSplit && !isSource(data)) throw invalid('data', '"train", "test", a Dataset or another ImageSource', data);
  const source = isSplit ? sourceOf(options, data) : data;
  const network = { shape: train.shape, classes: model.classes, classNames: train.classNames, loss };
  checkEvaluated(source, network);
  const graph = (parts: StepGraphOptions) =>
    evaluationGraph({ ...parts, loss }, { averaged: averagedIn(parts), rows: true });
  const runner = isSplit
    ? await runners.get(`rows of ${data}`, source, graph)
    : await runners.passing('rows', source, graph);
  return evaluateSource(runner, source, batch, network, checked);
}

/** Returns the loss and the metrics on the training or test set only: the evaluation after an epoch, which takes little memory. */
export async function summaryOfSplit(
  options: ResolvedOptions,
  runners: Runners,
  split: Split,
  signal?: AbortSignal,
): Promise<Measured> {
  const source = sourceOf(options, split);
  const { loss } = options;
  const graph = (parts: StepGraphOptions) => evaluationGraph({ ...parts, loss }, { averaged: averagedIn(parts) });
  const runner = await runners.get(split, source, graph);
  const loader = new DataLoader({ labels: source.labels, batch: options.part, shuffle: false });
  const tally = new Tally();
  const inputsAhead = (batches: Batches) => targetInputs(loss, source, batches);
  for await (const run of runner.run({ epoch: loader.epoch(0), first: 0, last: loader.steps, inputsAhead, signal }))
    tally.add(run.batches, run.result, run.milliseconds);
  return tally.measured;
}
