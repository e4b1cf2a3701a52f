import { adamUpdate, type UpdateInputs } from '../ops/update';
import { number, optional } from '../options/field';
import { type Fields, Options } from '../options/options';
import type { State } from '../tensor/state';
import type { Node, Tensor } from '../tensor/tensor';
import { decayField, FlatOptimizer, type FlatOptimizerOptions, flatOptimizerFields } from './flatOptimizer';
import { segmentTable } from './groups';

/** Options of Adam and AdamW. */
export interface AdamOptions extends FlatOptimizerOptions {
  /** Decay per step of the running mean of the gradient: 0 to below 1, default 0.9. */
  beta1?: number;
  /** Decay per step of the running mean of the squared gradient: 0 to below 1, default 0.999. */
  beta2?: number;
  /** Added to the square root of the second mean in the divisor: 1e-30 to 1, default 1e-8. */
  epsilon?: number;
}

/** The defaults of Adam. AdamW differs in its weight decay. */
export const adamDefaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } as const;

/** Schema of the options of Adam and AdamW. */
export const adamFields: Fields<AdamOptions> = {
  ...flatOptimizerFields,
  beta1: optional(decayField),
  beta2: optional(decayField),
  // With 0, a weight that never had a gradient would become 0 / 0.
  epsilon: optional(number([1e-30, 1])),
};

const adamOptions = new Options('Adam', adamFields);

/** The common part of Adam and AdamW, which differ in the place of the weight decay. */
export abstract class AdamRule extends FlatOptimizer {
  /** Decay per step of the running mean of the gradient. */
  readonly beta1: number;
  /** Decay per step of the running mean of the squared gradient. */
  readonly beta2: number;
  /** Number that is added to the square root of the second mean. */
  readonly epsilon: number;

  constructor(
    options: AdamOptions,
    defaultDecay: number,
    private readonly decoupled: boolean,
  ) {
    super(2, options, defaultDecay);
    const { beta1 = adamDefaults.beta1, beta2 = adamDefaults.beta2, epsilon = adamDefaults.epsilon } = options;
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
  }

  /** @internal */
  protected step(inputs: UpdateInputs, slots: readonly Tensor[], state: State): Node {
    const [firstMoment, secondMoment] = slots as readonly [Tensor, Tensor];
    const segments = segmentTable(state, this.groups, this.weightDecay);
    const { beta1, beta2, epsilon, weightDecay, decoupled } = this;
    return adamUpdate(
      { ...inputs, segments, firstMoment, secondMoment, counter: state.counter },
      { beta1, beta2, epsilon, weightDecay, decoupled, decayed: state.decayed },
    );
  }
}

/**
 * Adam (Kingma and Ba, arXiv:1412.6980), with bias correction by the number of steps that the State has counted. Weight decay
 * (default 0) is added to the gradient, as in PyTorch's Adam. AdamW usually decays weights better.
 */
export class Adam extends AdamRule {
  /** Makes the optimizer. @throws ERR_INVALID_ARGUMENT for an option that is out of range */
  constructor(options: AdamOptions = {}) {
    super(adamOptions.check(options), adamDefaults.weightDecay, false);
  }
}
