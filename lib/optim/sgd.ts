import { sgdUpdate, type UpdateInputs } from '../ops/update';
import { flag, number, optional } from '../options/field';
import { type Fields, Options } from '../options/options';
import type { State } from '../tensor/state';
import type { Node, Tensor } from '../tensor/tensor';
import { FlatOptimizer, type FlatOptimizerOptions, flatOptimizerFields, momentumRange } from './flatOptimizer';
import { segmentTable } from './groups';

/** Options of Sgd. */
export interface SgdOptions extends FlatOptimizerOptions {
  /** Momentum, 0 to 1; default 0.9. */
  momentum?: number;
  /** Whether to use Nesterov momentum; default false. */
  nesterov?: boolean;
  /** Weight decay (L2), 0 to 1e6, of weights only: biases do not decay unless a group says so. Default 1e-4. */
  weightDecay?: number;
}

/** The defaults of SgdOptions. */
export const sgdDefaults = { momentum: 0.9, nesterov: false, weightDecay: 1e-4 } as const;

/** Schema of the options of Sgd. */
export const sgdFields: Fields<SgdOptions> = {
  ...flatOptimizerFields,
  momentum: optional(number(momentumRange)),
  nesterov: optional(flag),
};

const sgdOptions = new Options('Sgd', sgdFields);

/**
 * SGD with momentum, by the rule of MXNet, the framework of the paper's authors: m = momentum m - lr (g + weightDecay w),
 * w = w + m. With Nesterov momentum, the second is w = w + momentum m - lr (g + weightDecay w).
 *
 * At a constant learning rate this equals PyTorch's SGD, whose buffer b is -m / lr. When the rate changes, the momentum here
 * keeps the earlier steps as they were taken, while PyTorch scales them with the new rate.
 */
export class Sgd extends FlatOptimizer {
  /** Momentum, 0 to 1. */
  readonly momentum: number;
  /** Whether Nesterov momentum is used. */
  readonly nesterov: boolean;

  /** Makes the optimizer. @throws ERR_INVALID_ARGUMENT for an option that is out of range */
  constructor(options: SgdOptions = {}) {
    const checked = sgdOptions.check(options);
    super(1, checked, sgdDefaults.weightDecay);
    const { momentum = sgdDefaults.momentum, nesterov = sgdDefaults.nesterov } = checked;
    this.momentum = momentum;
    this.nesterov = nesterov;
  }

  /** @internal */
  protected step(inputs: UpdateInputs, slots: readonly Tensor[], state: State): Node {
    const [momentum] = slots as readonly [Tensor];
    const segments = segmentTable(state, this.groups, this.weightDecay);
    const { momentum: factor, nesterov, weightDecay } = this;
    return sgdUpdate(
      { ...inputs, segments, momentum },
      { momentum: factor, nesterov, weightDecay, decayed: state.decayed },
    );
  }
}
