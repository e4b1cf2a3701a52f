/** The options of optimizers and learning rates. */
import type { Command } from 'commander';
import { invalid, numberFromText } from '../../errors';
import { groupsOf, type LayerRate, layerFactors, layerRateForms, parseLayerRates } from '../../experiments/layerRates';
import type { Model } from '../../models';
import { Adam, adamDefaults } from '../../optim/adam';
import { AdamW, adamWDefaults } from '../../optim/adamW';
import { decayField } from '../../optim/flatOptimizer';
import { groupField, type ParameterGroup } from '../../optim/groups';
import { Lars, larsDefaults } from '../../optim/lars';
import type { Optimizer } from '../../optim/optimizer';
import { parseSchedule, parseSpan, scheduleForms } from '../../optim/parseSchedule';
import { learningRateRange, rateField, type Schedule, type Span } from '../../optim/schedule';
import { warmUp } from '../../optim/schedules';
import { Sgd, sgdDefaults, sgdFields } from '../../optim/sgd';
import { accepts } from '../../options/field';
import { readPattern, selectNames } from '../../options/selection';
import { entryOf } from '../../options/values';
import { trainerDefaults, trainerFields } from '../../train/trainerOptions';
import { addOptions, declare, doesNotApply } from './declare';
import * as read from './readers';

interface CommonOptions {
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly clipNorm?: number | null;
  readonly ema?: { readonly decay: number } | null;
  readonly groups?: readonly ParameterGroup[];
}

interface OptimizerKind {
  /** The default of --lr. */
  readonly lr: number;
  /** The optimizer's own defaults. Without a momentum among them, --momentum does not apply. */
  readonly defaults: { readonly weightDecay: number; readonly momentum?: number };
  readonly make: (options: CommonOptions) => Optimizer;
}

const sgdRate = trainerDefaults.learningRate;

/** Optimizers by the name that --optimizer gives them. */
const optimizers: Readonly<Record<string, OptimizerKind>> = {
  sgd: { lr: sgdRate, defaults: sgdDefaults, make: (options) => new Sgd(options) },
  nesterov: { lr: sgdRate, defaults: sgdDefaults, make: (options) => new Sgd({ ...options, nesterov: true }) },
  adam: { lr: 0.001, defaults: adamDefaults, make: ({ momentum: _, ...options }) => new Adam(options) },
  adamw: { lr: 0.001, defaults: adamWDefaults, make: ({ momentum: _, ...options }) => new AdamW(options) },
  lars: { lr: 1, defaults: larsDefaults, make: (options) => new Lars(options) },
};
const defaultOptimizer = 'sgd';

/** Lists a default of every optimizer for --help: "0.01; adam, adamw: 0.001; lars: 1", where the first value is that of sgd. */
function byOptimizer(defaultOf: (kind: OptimizerKind) => number | undefined): string {
  const names = new Map<number, string[]>();
  for (const [name, kind] of Object.entries(optimizers)) {
    const value = defaultOf(kind);
    if (value !== undefined) names.set(value, [...(names.get(value) ?? []), name]);
  }
  const [usual, ...others] = [...names.keys()];
  return [`${usual}`, ...others.map((value) => `${names.get(value)!.join(', ')}: ${value}`)].join('; ');
}

const withMomentum = Object.keys(optimizers).filter((name) => optimizers[name]!.defaults.momentum !== undefined);

const optimizerOption = declare({
  flags: '--optimizer <name>',
  help: 'rule by which the weights are updated',
  choices: Object.keys(optimizers),
  default: defaultOptimizer,
  shown: defaultOptimizer,
});

export const lrOption = declare({
  flags: '--lr <x>',
  help: 'learning rate',
  field: rateField,
  // With a rate of 0, nothing would be trained.
  open: 'least',
});

export const momentumOption = declare({
  flags: '--momentum <x>',
  help: 'momentum',
  field: sgdFields.momentum,
  // With a momentum of 1, no gradient would ever be forgotten.
  open: 'most',
});

export const weightDecayOption = declare({
  flags: '--weight-decay <x>',
  help: 'weight decay; biases have none',
  field: sgdFields.weightDecay,
});

export const scheduleOption = declare({
  flags: '--schedule <form>',
  help: `how the learning rate changes in training: ${scheduleForms}`,
  // Only the form is checked here: whether a minimum is too large depends on --lr.
  read: read.checking((text) => parseSchedule(text, { rate: learningRateRange[1] })),
});
const defaultSchedule = 'constant';

const readSpan = (text: string): Span => parseSpan('warm-up', text);

export const warmupOption = declare({
  flags: '--warmup <n>',
  help: 'epochs in which the learning rate rises at the beginning, or steps as in 500steps',
  read: read.reading(readSpan),
});

/** Reads a span as text, or "none". */
export const readWarmupText = read.checking((text) => text === 'none' || readSpan(text));

export const lrLayersOption = declare({
  flags: '--lr-layers <rule>',
  help: `learning rates that differ by layer: ${layerRateForms}, which are factors on the learning rate (docs/layer-rates.md)`,
  read: read.checking(parseLayerRates),
});

/** Lets --lr-layers also accept "lars", and factors for patterns of names. */
const layerRateOrLars = {
  read: read.checking((text) => text === 'lars' || parseNamedRates(text) || parseLayerRates(text)),
  note: ", or lars, the rule of --optimizer lars; or PATTERN=FACTOR,... for what patterns of names fit, as in '3*=0.1,classifier=10'",
};

/**
 * Reads "3*=0.1,classifier=10" as groups of an optimizer; null for a text without "=".
 * @throws ERR_INVALID_ARGUMENT for a pattern or a factor that is none
 */
export function parseNamedRates(text: string): ParameterGroup[] | null {
  if (!text.includes('=')) return null;
  return text.split(',').map((part) => {
    const [match = '', factor = '', ...more] = part.split('=').map((word) => word.trim());
    const learningRate = numberFromText(factor);
    if (more.length > 0 || !accepts(groupField, { match, learningRate }))
      throw invalid('layer rates', 'PATTERN=FACTOR,... with factors from 0 to 3.4e38', text);
    readPattern('layer rates', match);
    return { match, learningRate };
  });
}

/** Returns --lr-layers for commands that train. */
export const trainingLrLayersOption = () => lrLayersOption(layerRateOrLars);

const clipNormOption = declare({
  flags: '--clip-norm <x>',
  help: 'largest norm of the gradient: a longer gradient is scaled down to it',
  field: sgdFields.clipNorm,
});

const labelSmoothingOption = declare({
  flags: '--label-smoothing <x>',
  help: 'part of the target that all classes share',
  field: trainerFields.labelSmoothing,
  default: trainerDefaults.labelSmoothing,
});

const emaOption = declare({
  flags: '--ema <x>',
  help: 'keep a moving average of the weights with this decay per step, for example 0.999, and evaluate with it',
  field: decayField,
});

/** The parsed options. */
export interface OptimizerOptions {
  optimizer: string;
  lr?: number;
  momentum?: number;
  weightDecay?: number;
  schedule: string;
  warmup?: Span;
  clipNorm?: number;
  labelSmoothing: number;
  ema?: number;
  /** depth:FACTOR, gain, lars or PATTERN=FACTOR,..., as text. */
  lrLayers?: string;
}

/** Adds --optimizer, --lr and the options that go with them. */
export const addOptimizerOptions = (command: Command): Command =>
  addOptions(
    command,
    optimizerOption(),
    lrOption({ note: ': the first one, or with onecycle the largest', otherwise: byOptimizer(({ lr }) => lr) }),
    momentumOption({
      note: `of ${withMomentum.join(', ')}`,
      otherwise: byOptimizer(({ defaults }) => defaults.momentum),
    }),
    weightDecayOption({ otherwise: byOptimizer(({ defaults }) => defaults.weightDecay) }),
    scheduleOption({ default: defaultSchedule, shown: defaultSchedule }),
    ...[warmupOption(), trainingLrLayersOption(), clipNormOption(), labelSmoothingOption(), emaOption()],
  );

/**
 * Makes the optimizer.
 * @throws ERR_INVALID_ARGUMENT for a momentum if the optimizer has none, a number that it refuses, or a rule of --lr-layers
 * that fits neither it nor the model
 */
export function optimizerFrom(options: OptimizerOptions, model: Model): Optimizer {
  const { momentum, weightDecay, clipNorm, ema } = options;
  const name = optimizerName(options);
  const { defaults, make } = kindOf(name);
  if (momentum !== undefined && defaults.momentum === undefined)
    throw doesNotApply('--momentum', `to --optimizer ${name}`, momentum);
  const groups = namedRatesFrom(options, model) ?? groupsOf(layerRatesFrom(options, model) ?? []);
  return make({ momentum, weightDecay, clipNorm, ema: ema === undefined ? null : { decay: ema }, groups });
}

/** Returns the groups of --lr-layers PATTERN=FACTOR,...; null without. @throws ERR_INVALID_ARGUMENT for one that fits nothing */
function namedRatesFrom({ lrLayers }: OptimizerOptions, { parameters }: Model): ParameterGroup[] | null {
  const groups = parseNamedRates(lrLayers ?? '');
  const patterns = groups?.map(({ match }) => match as string) ?? [];
  selectNames(
    '--lr-layers',
    patterns,
    parameters.map(({ name }) => name),
  );
  return groups;
}

/**
 * Returns the factors that --lr-layers depth or gain gives to the model's parameters; null without such a rule.
 * @throws ERR_INVALID_ARGUMENT
 */
export function layerRatesFrom(options: OptimizerOptions, model: Model): LayerRate[] | null {
  const { lrLayers } = options;
  if (lrLayers === undefined || lrLayers === 'lars' || parseNamedRates(lrLayers)) return null;
  // LARS divides by the gradient's norm, which undoes vanishing: a factor would do so a second time.
  if (options.optimizer === 'lars') throw doesNotApply(`--lr-layers ${lrLayers}`, 'to --optimizer lars');
  return layerFactors(model, lrLayers, { learningRate: learningRateFrom(options) });
}

/**
 * Returns the name of the optimizer, which --lr-layers lars may choose in place of --optimizer.
 * @throws ERR_INVALID_ARGUMENT for --lr-layers lars beside an optimizer with another rule
 */
function optimizerName({ optimizer, lrLayers }: OptimizerOptions): string {
  if (lrLayers !== 'lars') return optimizer;
  if (optimizer !== 'sgd' && optimizer !== 'lars')
    throw doesNotApply('--lr-layers lars', `to --optimizer ${optimizer}`);
  return 'lars';
}

/** Returns the learning rate of --lr, or else the optimizer's default. */
export const learningRateFrom = (options: OptimizerOptions): number => options.lr ?? kindOf(optimizerName(options)).lr;

/** Makes the schedule, with its warm-up. @throws ERR_INVALID_ARGUMENT, for example for a minimum above the learning rate */
export function scheduleFrom(options: OptimizerOptions): Schedule {
  const made = parseSchedule(options.schedule, { rate: learningRateFrom(options) });
  return options.warmup ? warmUp(made, options.warmup) : made;
}

function kindOf(name: string): OptimizerKind {
  const kind = entryOf(optimizers, name);
  if (!kind) throw invalid('--optimizer', Object.keys(optimizers).join(', '), name);
  return kind;
}
