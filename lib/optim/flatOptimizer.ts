import { gradient } from '../compile/gradient';
import { checkNumber, checkOptions, invalid } from '../errors';
import { packGradients } from '../ops/data';
import { clipFactor, finiteCheck, unscale } from '../ops/scaling';
import { advance, averageWeights, type UpdateInputs } from '../ops/update';
import type { State } from '../tensor/state';
import type { Node, Tensor } from '../tensor/tensor';
import { checkGroups, type ParameterGroup } from './groups';
import { LossScaling } from './lossScaling';
import type { Optimizer, OptimizerInputs, OptimizerNodes } from './optimizer';

/** What every optimizer of this package can do beside its own rule. */
export interface FlatOptimizerOptions {
  /** 0 to 1e6. Of weights only, never of biases, unless a group says otherwise. */
  weightDecay?: number;
  /** Parameters with other learning rates and weight decays; the first group that matches decides. */
  groups?: readonly ParameterGroup[];
  /**
   * Gradients whose L2 norm over all parameters exceeds this are scaled down to it: by min(1, clipNorm / norm), in f32. The
   * gradientNorm that is reported is that before clipping. Default: none is clipped.
   */
  clipNorm?: number | null;
  /**
   * Keep an exponential moving average of the weights, for evaluation (withAveragedWeights). Its first value is the initial
   * weights; in step t, from 0, it becomes d average + (1 - d) weights with d = min(decay, (1 + t) / (10 + t)): so that the
   * first steps do not hold on to the initial weights. decay: 0 to below 1, e.g. 0.999. Default: no average.
   */
  ema?: { readonly decay: number } | null;
}

/** An update of the flat arenas by one kernel, which a subclass chooses; the gate, clipping, average and counter around it. */
export abstract class FlatOptimizer implements Optimizer {
  readonly weightDecay: number;
  readonly groups: readonly ParameterGroup[];
  readonly clipNorm: number | null;
  readonly ema: { readonly decay: number } | null;
  readonly slots: number;
  readonly averageSlot: number | null;

  /** @param ownSlots what the rule itself keeps per parameter; the average comes after these */
  constructor(ownSlots: number, options: FlatOptimizerOptions, defaultDecay: number) {
    checkOptions('an object', options);
    const { weightDecay = defaultDecay, groups = [], clipNorm = null, ema = null } = options;
    this.weightDecay = checkNumber('weightDecay', weightDecay, 0, 1e6);
    this.groups = checkGroups(groups);
    if (clipNorm !== null && !(Number.isFinite(clipNorm) && Math.fround(clipNorm) > 0))
      throw invalid('clipNorm', 'a positive number', clipNorm);
    this.clipNorm = clipNorm;
    this.ema = ema && { decay: checkDecay('ema.decay', ema.decay) };
    this.averageSlot = ema ? ownSlots : null;
    this.slots = ownSlots + (ema ? 1 : 0);
  }

  /** The node that changes the weights. `slots` are the rule's own, [P] each. */
  protected abstract step(inputs: UpdateInputs, slots: readonly Tensor[], state: State): Node;

  /** @throws ERR_INVALID_ARGUMENT if the State was made for another optimizer, or a group matches no parameter */
  update({ state, loss, learningRate }: OptimizerInputs): OptimizerNodes {
    const { slots, averageSlot, ema } = this;
    if (state.optimizerSlots < slots)
      throw invalid('state', `a State with optimizerSlots of at least ${slots}`, state.optimizerSlots);
    // Also where this optimizer keeps none: a State's average would begin as the weights, in a slot that must begin at 0.
    if (state.averageSlot !== averageSlot)
      throw invalid('state', `a State with averageSlot ${averageSlot}`, state.averageSlot);
    const lossScaling = LossScaling.of(state);
    const flat = packGradients(state, gradient(loss, state.parameters, lossScaling?.scale));
    const { flag, gate, norm, scale } = this.#check(loss, flat, lossScaling);
    const parameters = state.vector('parameters');
    const own = Array.from({ length: averageSlot ?? slots }, (_, slot) => state.vector('optimizer', slot));
    const updates = [this.step({ gate: flag, parameters, gradient: flat, learningRate, scale }, own, state)];
    if (ema && averageSlot !== null) {
      const average = state.vector('optimizer', averageSlot);
      updates.push(averageWeights({ gate: flag, average, parameters, counter: state.counter }, ema.decay));
    }
    // A step that is skipped counts: it has used up its batch.
    updates.push(advance(gate, state.counter));
    if (lossScaling) updates.push(lossScaling.adjust(gate, flag));
    return { updates, gate, skip: lossScaling ? flag : null, gradientNorm: norm };
  }

  /** What the updates are behind, what ends the run, the gradient's norm, and the factor on the gradient. */
  #check(loss: Tensor, gradient: Tensor, lossScaling: LossScaling | null) {
    const { clipNorm } = this;
    const { flag, norm } = finiteCheck(loss, gradient);
    if (lossScaling) {
      const unscaled = unscale({ loss, overflow: flag, norm, scale: lossScaling.scale }, clipNorm);
      return { flag, gate: unscaled.halt, norm: unscaled.norm, scale: unscaled.factor };
    }
    return { flag, gate: flag, norm, scale: clipNorm === null ? null : clipFactor(norm, clipNorm) };
  }
}

/** The factor by which an average forgets, per step. @throws ERR_INVALID_ARGUMENT */
export function checkDecay(argument: string, value: unknown): number {
  // As near to 1 as f32 holds the difference well; beyond, an average never moves.
  if (typeof value !== 'number' || !(value >= 0 && value <= 1 - 1e-12))
    throw invalid(argument, 'a number from 0 to below 1', value);
  return value;
}
