/** The options of a training run's folder: checkpoints, the best weights, early stopping. */
import type { Command } from 'commander';
import type { Metric } from '../../optim/metric';
import { checkpointsDefaults, everyMinutesRange } from '../../train/callbacks/checkpoints';
import { EarlyStopping, earlyStoppingDefaults } from '../../train/callbacks/earlyStopping';
import { above, addOptions, declare } from './declare';
import { jsonOption, outOption } from './output';
import * as read from './readers';
import { type ResumeOptions, resumeOption } from './resume';

/** Minutes between the checkpoints of `saturnn train`, beside those at the end of epochs. */
const defaultMinutes = 10;

const checkpointEpochsOption = declare({
  flags: '--checkpoint-epochs <n>',
  help: 'write a checkpoint every n epochs',
  read: read.positiveInteger,
  default: checkpointsDefaults.everyEpochs,
});

const checkpointStepsOption = declare({
  flags: '--checkpoint-steps <n>',
  help: 'write a checkpoint also every n steps',
  read: read.positiveInteger,
});

export const checkpointMinutesOption = declare({
  flags: '--checkpoint-minutes <x>',
  help: 'write a checkpoint also when the last one is x minutes old',
  read: read.positiveNumber,
  limits: above(everyMinutesRange),
});

/** Metrics of the test set by the word that --best has for them. */
const metrics = { accuracy: 'testAccuracy', loss: 'testLoss' } as const satisfies Readonly<Record<string, Metric>>;
const words = Object.keys(metrics) as (keyof typeof metrics)[];
const defaultBest = words.find((word) => metrics[word] === checkpointsDefaults.best);

const bestOption = declare({
  flags: '--best <metric>',
  help: 'metric of the test set by which the best weights are chosen',
  choices: words,
  default: defaultBest,
  shown: defaultBest,
});

const patienceOption = declare({
  flags: '--patience <n>',
  help: 'stop when --best has not improved for n epochs, and take the best weights',
  read: read.positiveInteger,
});

const minDeltaOption = declare({
  flags: '--min-delta <x>',
  help: 'count a change as an improvement, for --patience, only if it is larger than x',
  read: read.nonNegative,
  default: earlyStoppingDefaults.minDelta,
});

export interface RunOptions extends ResumeOptions {
  checkpointEpochs: number;
  checkpointSteps?: number;
  checkpointMinutes: number;
  best: keyof typeof metrics;
  patience?: number;
  minDelta: number;
  json?: boolean;
}

/** Adds the options of a run's folder. */
export const addRunOptions = (command: Command): Command =>
  addOptions(
    command,
    outOption({ note: ': a folder', otherwise: 'runs/MODEL-ACTIVATION-TIME' }),
    ...[resumeOption(), checkpointEpochsOption(), checkpointStepsOption()],
    checkpointMinutesOption({ default: defaultMinutes }),
    ...[bestOption(), patienceOption(), minDeltaOption()],
    jsonOption({ note: ': one line for each event' }),
  );

/** Returns the options of RunFolder's checkpoints. */
export const checkpointsFrom = (options: RunOptions) => ({
  everyEpochs: options.checkpointEpochs,
  everySteps: options.checkpointSteps,
  everyMinutes: options.checkpointMinutes,
  best: metrics[options.best],
});

/** Makes the callback of --patience, if that is given. */
export function earlyStoppingFrom({ best, patience, minDelta }: RunOptions): EarlyStopping[] {
  return patience === undefined ? [] : [new EarlyStopping({ metric: metrics[best], patience, minDelta })];
}
