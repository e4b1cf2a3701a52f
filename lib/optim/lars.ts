import { sgdUpdate, trustRatios, type UpdateInputs } from '../ops/update';
import { number, numberWithin, optional } from '../options/field';
import { Options } from '../options/options';
import type { State } from '../tensor/state';
import type { Node, Tensor } from '../tensor/tensor';
import { FlatOptimizer, type FlatOptimizerOptions, flatOptimizerFields, momentumRange } from './flatOptimizer';
import { segmentPerParameter } from './groups';

/** Options of Lars. */
export interface LarsOptions extends FlatOptimizerOptions {
  /**
   * Trust coefficient, η in the paper: the length of a tensor's step per unit of learning rate, relative to |w|. Above 0, up to
   * 1e6; default 0.001.
   */
  trust?: number;
  /** Momentum, 0 to 1; default 0.9. */
  momentum?: number;
}

/** The defaults of LarsOptions. */
export const larsDefaults = { trust: 0.001, momentum: 0.9, weightDecay: 1e-4 } as const;

const larsOptions = new Options<LarsOptions>('Lars', {
  ...flatOptimizerFields,
  trust: optional(numberWithin({ least: 0, most: 1e6, open: 'least' })),
  momentum: optional(number(momentumRange)),
});

/**
 * LARS (You, Gitman and Ginsburg, arXiv:1708.03888), for large batches: SGD with momentum whose learning rate is multiplied, for
 * each tensor, by the trust ratio trust |w| / (|g| + weightDecay |w|). Parameters that do not decay (biases) have neither trust
 * ratio nor decay. The ratio is 1 if |w| is 0, or |g| + weightDecay |w| is. With clipping, |g| is the norm of the clipped
 * gradient. Default weight decay 1e-4.
 */
export class Lars extends FlatOptimizer {
  /** Trust coefficient. */
  readonly trust: number;
  /** Momentum, 0 to 1. */
  readonly momentum: number;

  /** Makes the optimizer. @throws ERR_INVALID_ARGUMENT for an option that is out of range */
  constructor(options: LarsOptions = {}) {
    const checked = larsOptions.check(options);
    super(1, checked, larsDefaults.weightDecay);
    const { trust = larsDefaults.trust, momentum = larsDefaults.momentum } = checked;
    this.trust = trust;
    this.momentum = momentum;
  }

  /** @internal */
  protected step(inputs: UpdateInputs, slots: readonly Tensor[], state: State): Node {
    const [momentum] = slots as readonly [Tensor];
    const { parameters, gradient, scale } = inputs;
    const segments = segmentPerParameter(state, this.groups, this.weightDecay);
    const attributes = { trust: this.trust, trusted: state.decayed };
    const rates = trustRatios({ parameters, gradient, scale, segments }, attributes);
    return sgdUpdate(
      { ...inputs, momentum, segments: { ...segments, rates } },
      { momentum: this.momentum, weightDecay: this.weightDecay, decayed: state.decayed },
    );
  }
}
