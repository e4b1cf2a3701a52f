/** The options of a training run's folder: checkpoints, the best weights, early stopping. */
import type { Command } from 'commander';
import { invalid, numberFromText } from '../../errors';
import type { Metric } from '../../optim/metric';
import { parseSpan } from '../../optim/parseSchedule';
import { checkpointsDefaults, checkpointsFields } from '../../train/callbacks/checkpoints';
import { EarlyStopping, earlyStoppingDefaults, earlyStoppingFields } from '../../train/callbacks/earlyStopping';
import { checkEvaluateEvery, type EvaluateEvery, evaluateEveryDefault } from '../../train/evaluateEvery';
import { addOptions, declare } from './declare';
import { jsonOption, outOption } from './output';
import * as read from './readers';
import { changeOption, type ResumeOptions, resumeOption } from './resume';

/** Minutes between the checkpoints of `saturnn train`, beside those at the end of epochs. */
const defaultMinutes = 10;

const checkpointEpochsOption = declare({
  flags: '--checkpoint-epochs <n>',
  help: 'write a checkpoint every n epochs; 0: only of the best and the last one',
  field: checkpointsFields.everyEpochs,
  default: checkpointsDefaults.everyEpochs,
});

const checkpointStepsOption = declare({
  flags: '--checkpoint-steps <n>',
  help: 'write a checkpoint also every n steps',
  field: checkpointsFields.everySteps,
});

export const checkpointMinutesOption = declare({
  flags: '--checkpoint-minutes <x>',
  help: 'write a checkpoint also when the last one is x minutes old',
  field: checkpointsFields.everyMinutes,
  open: 'least',
});

/** Metrics of the test set by the word that --best has for them, and those of a training without one. */
const metrics = { accuracy: 'testAccuracy', loss: 'testLoss' } as const satisfies Readonly<Record<string, Metric>>;
const trainMetrics = { accuracy: 'trainAccuracy', loss: 'trainLoss' } as const satisfies Record<string, Metric>;
const words = Object.keys(metrics) as (keyof typeof metrics)[];
const defaultBest = words.find((word) => metrics[word] === checkpointsDefaults.best);

const bestOption = declare({
  flags: '--best <metric>',
  help: 'metric of the test set, or of the training set if there is no other, by which the best weights are chosen',
  choices: words,
  default: defaultBest,
  shown: defaultBest,
});

const patienceOption = declare({
  flags: '--patience <n>',
  help: 'stop when --best has not improved for n epochs (or evaluations of the test set), and take the best weights',
  field: earlyStoppingFields.patience,
});

const minDeltaOption = declare({
  flags: '--min-delta <x>',
  help: 'count a change as an improvement, for --patience, only if it is larger than x',
  field: earlyStoppingFields.minDelta,
  default: earlyStoppingDefaults.minDelta,
});

/** The value of --on-non-finite: the factor that lowers the learning rates, and how often; null: the run stops. */
export type OnNonFinite = { readonly factor: number; readonly times: number } | null;

const lowerRateDefaults = { factor: 0.5, times: 3 } as const;

/** Reads "stop" or "lower-rate[:FACTOR[:TIMES]]". @throws ERR_INVALID_ARGUMENT */
export function parseOnNonFinite(text: string): OnNonFinite {
  if (text === 'stop') return null;
  const [word, factor = `${lowerRateDefaults.factor}`, times = `${lowerRateDefaults.times}`, ...more] = text.split(':');
  const [lower, most] = [numberFromText(factor), numberFromText(times)];
  const fits = lower > 0 && lower < 1 && Number.isSafeInteger(most) && most > 0;
  if (word === 'lower-rate' && more.length === 0 && fits) return { factor: lower, times: most };
  const form = 'stop or lower-rate[:FACTOR[:TIMES]], with a factor above 0 and below 1 and at least 1 time,';
  throw invalid('--on-non-finite', form, text);
}

const onNonFiniteOption = declare({
  flags: '--on-non-finite <form>',
  help: `when loss or gradient overflow: stop, or lower-rate[:FACTOR[:TIMES]], which goes back to the last checkpoint and multiplies the learning rate by FACTOR (default ${lowerRateDefaults.factor}), at most TIMES times in the run (default ${lowerRateDefaults.times})`,
  read: read.reading(parseOnNonFinite),
  default: null,
  shown: 'stop',
});

/** Reads "5" epochs or "500steps". @throws ERR_INVALID_ARGUMENT */
export const parseEvaluateEvery = (text: string): EvaluateEvery =>
  checkEvaluateEvery(parseSpan('--evaluate-every', text));

const evaluateEveryOption = declare({
  flags: '--evaluate-every <n>',
  help: 'evaluate the test set after every n epochs, or steps as in 500steps; and at the end',
  read: read.reading(parseEvaluateEvery),
  default: evaluateEveryDefault,
  shown: `${evaluateEveryDefault.epochs}`,
});

export interface RunOptions extends ResumeOptions {
  evaluateEvery: EvaluateEvery;
  checkpointEpochs: number;
  checkpointSteps?: number;
  checkpointMinutes: number;
  best: keyof typeof metrics;
  patience?: number;
  minDelta: number;
  onNonFinite: OnNonFinite;
  json?: boolean;
}

/** Adds the options of a run's folder. */
export const addRunOptions = (command: Command): Command =>
  addOptions(
    command,
    outOption({ note: ': a folder', otherwise: 'runs/MODEL-ACTIVATION-TIME' }),
    ...[resumeOption(), changeOption(), checkpointEpochsOption(), checkpointStepsOption()],
    checkpointMinutesOption({ default: defaultMinutes }),
    ...[evaluateEveryOption(), bestOption(), patienceOption(), minDeltaOption(), onNonFiniteOption()],
    jsonOption({ note: ': one line for each event' }),
  );

/** Returns the options of RunFolder's checkpoints. */
export const checkpointsFrom = (options: RunOptions, hasTest: boolean) => ({
  everyEpochs: options.checkpointEpochs,
  everySteps: options.checkpointSteps,
  everyMinutes: options.checkpointMinutes,
  best: (hasTest ? metrics : trainMetrics)[options.best],
});

/** Makes the callback of --patience, if that is given. */
export function earlyStoppingFrom({ best, patience, minDelta }: RunOptions, hasTest: boolean): EarlyStopping[] {
  const metric = (hasTest ? metrics : trainMetrics)[best];
  return patience === undefined ? [] : [new EarlyStopping({ metric, patience, minDelta })];
}
