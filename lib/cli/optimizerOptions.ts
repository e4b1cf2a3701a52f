/** The options of optimizers and learning rates, for every command that trains. */
import { type Command, Option } from 'commander';
import { invalid } from '../errors';
import { groupsOf, type LayerRate, layerFactors, layerRateForms, parseLayerRates } from '../experiments/layerRates';
import type { Model } from '../models';
import { Adam } from '../optim/adam';
import { AdamW } from '../optim/adamW';
import type { ParameterGroup } from '../optim/groups';
import { Lars } from '../optim/lars';
import type { Optimizer } from '../optim/optimizer';
import { parseSchedule, parseSpan, scheduleForms } from '../optim/parseSchedule';
import type { Schedule, Span } from '../optim/schedule';
import { warmUp } from '../optim/schedules';
import { Sgd } from '../optim/sgd';
import * as read from './options';

interface CommonOptions {
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly clipNorm?: number | null;
  readonly ema?: { readonly decay: number } | null;
  readonly groups?: readonly ParameterGroup[];
}

interface OptimizerKind {
  readonly learningRate: number;
  readonly hasMomentum: boolean;
  readonly make: (options: CommonOptions) => Optimizer;
}

/** By the name of --optimizer. Weight decay that is not given is the optimizer's own default. */
const optimizers: Readonly<Record<string, OptimizerKind>> = {
  sgd: { learningRate: 0.01, hasMomentum: true, make: (options) => new Sgd(options) },
  nesterov: { learningRate: 0.01, hasMomentum: true, make: (options) => new Sgd({ ...options, nesterov: true }) },
  adam: { learningRate: 0.001, hasMomentum: false, make: (options) => new Adam(options) },
  adamw: { learningRate: 0.001, hasMomentum: false, make: (options) => new AdamW(options) },
  lars: { learningRate: 1, hasMomentum: true, make: (options) => new Lars(options) },
};

/** What commander makes of them. */
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
  /** As given: depth:FACTOR, gain or lars. */
  lrLayers?: string;
}

/** Readers of --schedule, which stays text, and --warmup. */
export const readSchedule = read.reading((text) => {
  parseSchedule(text, { rate: 1e6 });
  return text;
});
export const readWarmup = read.reading((text) => parseSpan('warm-up', text));

/** --lr-layers, which stays text. */
export const layerRateOption = (): Option =>
  new Option(
    '--lr-layers <rule>',
    `a learning rate per layer: ${layerRateForms}, factors on --lr (docs/layer-rates.md), or lars, the rule of --optimizer lars`,
  ).argParser(
    read.reading((text) => {
      if (text !== 'lars') parseLayerRates(text);
      return text;
    }),
  );

/** Adds --optimizer, --lr and what goes with them. */
export function addOptimizerOptions(command: Command): Command {
  return command
    .addOption(new Option('--optimizer <name>', 'rule of the update').choices(Object.keys(optimizers)).default('sgd'))
    .option(
      '--lr <x>',
      'learning rate: the first, or with onecycle the largest (default: 0.01; adam, adamw 0.001; lars 1)',
      read.positiveNumber,
    )
    .option('--momentum <x>', 'of sgd, nesterov and lars (default: 0.9)', read.fraction)
    .option('--weight-decay <x>', 'of weights; biases have none (default: 1e-4; adam 0; adamw 0.01)', read.nonNegative)
    .option('--schedule <form>', `learning rate over the run: ${scheduleForms}`, readSchedule, 'constant')
    .option('--warmup <n>', 'epochs, or steps as in 500steps, in which the learning rate rises', readWarmup)
    .addOption(layerRateOption())
    .option('--clip-norm <x>', 'largest norm of the gradient', read.positiveNumber)
    .option('--label-smoothing <x>', 'part of the target that all classes share', read.fraction, 0)
    .option(
      '--ema <x>',
      'keep an average of the weights that forgets by this factor per step, e.g. 0.999',
      read.fraction,
    );
}

/**
 * @throws ERR_INVALID_ARGUMENT for a momentum where the optimizer has none, a number that it refuses, or a rule of
 * --lr-layers that suits neither it nor the model
 */
export function optimizerFrom(options: OptimizerOptions, model: Model): Optimizer {
  const { momentum, weightDecay, clipNorm, ema } = options;
  const name = optimizerName(options);
  const { hasMomentum, make } = kindOf(name);
  if (momentum !== undefined && !hasMomentum)
    throw invalid('--momentum', `no value, as --optimizer ${name} has none,`, momentum);
  const groups = groupsOf(layerRatesFrom(options, model) ?? []);
  return make({ momentum, weightDecay, clipNorm, ema: ema === undefined ? null : { decay: ema }, groups });
}

/**
 * The factors of --lr-layers depth and gain; null where they are not asked for.
 * @throws ERR_INVALID_ARGUMENT
 */
export function layerRatesFrom(options: OptimizerOptions, model: Model): LayerRate[] | null {
  const { lrLayers } = options;
  if (lrLayers === undefined || lrLayers === 'lars') return null;
  // LARS divides by the gradient's norm: a factor that undoes vanishing would do it a second time.
  if (options.optimizer === 'lars') throw invalid('--lr-layers', 'lars, or none, with --optimizer lars,', lrLayers);
  return layerFactors(model, lrLayers, { learningRate: learningRateFrom(options) });
}

/** What --optimizer says, or --lr-layers lars. @throws ERR_INVALID_ARGUMENT for lars and another optimizer's rule */
function optimizerName({ optimizer, lrLayers }: OptimizerOptions): string {
  if (lrLayers !== 'lars') return optimizer;
  if (optimizer !== 'sgd' && optimizer !== 'lars')
    throw invalid('--optimizer', 'sgd or lars, with --lr-layers lars,', optimizer);
  return 'lars';
}

/** The learning rate that --lr gives, or that goes with the optimizer. */
export const learningRateFrom = (options: OptimizerOptions): number =>
  options.lr ?? kindOf(optimizerName(options)).learningRate;

/** @throws ERR_INVALID_ARGUMENT, e.g. for a minimum above the learning rate */
export function scheduleFrom(options: OptimizerOptions): Schedule {
  const made = parseSchedule(options.schedule, { rate: learningRateFrom(options) });
  return options.warmup ? warmUp(made, options.warmup) : made;
}

function kindOf(name: string): OptimizerKind {
  const kind = Object.hasOwn(optimizers, name) ? optimizers[name] : undefined;
  if (!kind) throw invalid('--optimizer', Object.keys(optimizers).join(', '), name);
  return kind;
}
