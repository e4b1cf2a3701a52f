import { gradient } from '../compile/gradient';
import { invalid, type Range } from '../errors';
import { copy, packGradients } from '../ops/data';
import { clipFactor, finiteCheck, unscale } from '../ops/scaling';
import { accumulate, advance, assign, averageWeights, behindGate, checkUpdate, type UpdateInputs } from '../ops/update';
import { arrayOf, custom, type Field, number, optional, orNull } from '../options/field';
import { type Fields, Options } from '../options/options';
import { type State, stateField } from '../tensor/state';
import { type Node, type Tensor, tensorField } from '../tensor/tensor';
import { groupField, type ParameterGroup } from './groups';
import { LossScaling } from './lossScaling';
import type { Optimizer, OptimizerInputs, OptimizerNodes, UpdateParts } from './optimizer';

/** Limits of the weight decay of every optimizer. */
export const weightDecayRange: Range = [0, 1e6];
/** Limits of the momentum of Sgd and Lars. */
export const momentumRange: Range = [0, 1];

/** Options that all optimizers of this package have. */
export interface FlatOptimizerOptions {
  /**
   * Weight decay (L2), 0 to 1e6, of weights only: biases, and the scale and shift of a normalisation, do not decay unless a group
   * says so. The default depends on the optimizer.
   */
  weightDecay?: number;
  /** Groups of parameters with other learning rates or weight decays. The first group that matches a parameter applies. */
  groups?: readonly ParameterGroup[];
  /**
   * Largest L2 norm of the gradient of all parameters, positive: the gradient is multiplied by min(1, clipNorm / norm), in f32.
   * The reported gradientNorm is the one before clipping. Default null: no clipping.
   */
  clipNorm?: number | null;
  /**
   * Keeps an exponential moving average of the weights, for evaluation (withAveragedWeights). It begins as the initial weights;
   * in step t, from 0, it becomes d average + (1 - d) weights with d = min(decay, (1 + t) / (10 + t)), so that the initial
   * weights are forgotten soon. decay: 0 to below 1, for example 0.999. Default null: no average.
   */
  ema?: { readonly decay: number } | null;
}

/** Accepts the decay per step of a running average: 0 to below 1. */
export const decayField: Field<number> = custom(
  'a number from 0 to below 1',
  // Kernels get 1 - decay in f32. Nearer to 1 than this, an average would never move.
  (value) => typeof value === 'number' && value >= 0 && value <= 1 - 1e-12,
  { least: 0, most: 1, open: 'most' },
);

const emaOptions = new Options<{ readonly decay: number }>('option ema', { decay: decayField });

/** Schema of the options that every optimizer has. */
export const flatOptimizerFields: Fields<FlatOptimizerOptions> = {
  weightDecay: optional(number(weightDecayRange)),
  groups: optional(arrayOf(groupField, 'an array of { match, learningRate, weightDecay }')),
  clipNorm: optional(
    orNull(
      custom('a positive number', (value) => Number.isFinite(value) && Math.fround(value as number) > 0, {
        least: 0,
        open: 'least',
      }),
    ),
  ),
  ema: optional(orNull(emaOptions.nested('{ decay }'))),
};

const partsOptions = new Options<UpdateParts>('parts of Optimizer.update()', { adds: tensorField, waits: tensorField });

/** The declared inputs of update(). */
export const updateInputs = new Options<OptimizerInputs>(
  'Optimizer.update()',
  {
    state: stateField,
    loss: tensorField,
    learningRate: tensorField,
    watched: optional(tensorField),
    parts: optional(partsOptions.nested('{ adds, waits }')),
  },
  { argument: 'inputs' },
);

/**
 * An optimizer that updates all parameters at once, as flat vectors, with one kernel that a subclass chooses. This class adds the
 * check for non-finite gradients, loss scaling, clipping, the average of the weights and the step counter.
 */
export abstract class FlatOptimizer implements Optimizer {
  /** Weight decay (L2) of weights. */
  readonly weightDecay: number;
  /** Groups of parameters with other learning rates or weight decays. */
  readonly groups: readonly ParameterGroup[];
  /** Largest L2 norm of the gradient; null: it is not clipped. */
  readonly clipNorm: number | null;
  /** Decay per step of the average of the weights; null: no average is kept. */
  readonly ema: { readonly decay: number } | null;
  readonly slots: number;
  readonly averageSlot: number | null;

  /**
   * @param options checked by the subclass
   * @param ownSlots the number of values that the rule itself keeps per parameter; the average's slot follows these
   */
  constructor(ownSlots: number, options: FlatOptimizerOptions, defaultDecay: number) {
    const { weightDecay = defaultDecay, groups = [], clipNorm = null, ema = null } = options;
    this.weightDecay = weightDecay;
    this.groups = groups;
    this.clipNorm = clipNorm;
    this.ema = ema;
    this.averageSlot = ema ? ownSlots : null;
    this.slots = ownSlots + (ema ? 1 : 0);
  }

  /** Whether gradients of parts can be summed. Not a field: checkpoints compare those. */
  get accumulates(): boolean {
    return true;
  }

  /**
   * Returns the node that changes the weights. `slots` are the rule's own, [P] each, where P is the State's size.
   * @internal
   */
  protected abstract step(inputs: UpdateInputs, slots: readonly Tensor[], state: State): Node;

  /**
   * Returns the nodes that change the State's parameters by one step. A step writes nothing if its loss or gradient is not finite,
   * or if it would write a number that is NaN or larger than 2^126 (8.5e37): a weight or a slot that has overflown.
   * @param inputs the State that is trained, the loss (f32 [1]), the learning rate (f32 [1]), what else must be finite, and the parts of
   * an update, for a State with gradientSlots 2
   * @returns `updates`, `gate` and `skip`, for Graph.from(), and `gradientNorm` (f32 [1], before clipping)
   * @throws ERR_INVALID_ARGUMENT if the State was made for another optimizer, or without gradientSlots 2 for parts, or has loss scaling
   * beside parts; or if a group applies to no parameter
   */
  update(inputs: OptimizerInputs): OptimizerNodes {
    const { state, loss, learningRate, watched = loss, parts } = updateInputs.check(inputs);
    const { slots, averageSlot, ema } = this;
    if (state.optimizerSlots < slots)
      throw invalid('state', `a State with optimizerSlots of at least ${slots}`, state.optimizerSlots);
    // Also if this optimizer keeps no average: the State would copy the weights into a slot that must begin at 0.
    if (state.averageSlot !== averageSlot)
      throw invalid('state', `a State with averageSlot ${averageSlot}`, state.averageSlot);
    const lossScaling = LossScaling.of(state);
    if (parts && lossScaling) throw invalid('state', 'a State without loss scaling, for parts of an update,', 'fp16');
    const own = packGradients(state, gradient(loss, state.parameters, lossScaling?.scale));
    const sum = parts ? state.vector('gradients', 1) : null;
    const flat = parts && sum ? accumulate(parts.adds, sum, own) : own;
    const { flag, halt, norm, scale } = this.#check(watched, flat, lossScaling);
    const parameters = state.vector('parameters');
    const ruleSlots = Array.from({ length: averageSlot ?? slots }, (_, slot) => state.vector('optimizer', slot));
    const update = this.step({ gate: halt, parameters, gradient: flat, learningRate, scale }, ruleSlots, state);
    // The plan closes this flag, too, where `gate` is closed: OptimizerNodes.skip. It must not do so in the memory of an input.
    const skip = parts ? copy(parts.waits) : lossScaling ? flag : null;
    const gate = checkUpdate(update, skip);
    const open = skip ?? gate;
    const updates = [behindGate(update, open)];
    if (ema && averageSlot !== null) {
      const average = state.vector('optimizer', averageSlot);
      updates.push(averageWeights({ gate: open, average, parameters, counter: state.counter }, ema.decay));
    }
    // `gate`, not `flag`: a step that loss scaling skips counts too, because it has used its batch. A part is no step.
    updates.push(advance(parts ? open : gate, state.counter));
    if (lossScaling) updates.push(lossScaling.adjust(gate, flag));
    if (sum) updates.push(assign(sum, flat, { gate }));
    return { updates, gate, skip, gradientNorm: norm };
  }

  /**
   * Makes the nodes before the update: `flag`, which is not 0 if no weight may be written; `halt`, which is not 0 if the run must
   * end; the norm of the gradient; and the factor on the gradient (null: 1).
   */
  #check(loss: Tensor, gradient: Tensor, lossScaling: LossScaling | null) {
    const { clipNorm } = this;
    const { flag, norm } = finiteCheck(loss, gradient);
    if (lossScaling) {
      const unscaled = unscale({ loss, overflow: flag, norm, scale: lossScaling.scale }, clipNorm);
      return { flag, halt: unscaled.halt, norm: unscaled.norm, scale: unscaled.factor };
    }
    return { flag, halt: flag, norm, scale: clipNorm === null ? null : clipFactor(norm, clipNorm) };
  }
}
