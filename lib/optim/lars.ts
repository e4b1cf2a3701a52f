import { checkNumber, invalid } from '../errors';
import { sgdUpdate, trustRatios, type UpdateInputs } from '../ops/update';
import type { State } from '../tensor/state';
import type { Node, Tensor } from '../tensor/tensor';
import { FlatOptimizer, type FlatOptimizerOptions } from './flatOptimizer';
import { segmentPerParameter } from './groups';

export interface LarsOptions extends FlatOptimizerOptions {
  /** How far a layer may move, as a part of its weights' norm, per unit of learning rate: the paper's η; default 0.001. */
  trust?: number;
  /** 0 to 1; default 0.9. */
  momentum?: number;
}

/**
 * SGD whose learning rate is scaled, tensor by tensor, with the trust ratio trust |w| / (|g| + weightDecay |w|) (You, Gitman and
 * Ginsburg, 1708.03888), for large batches. Biases, and whatever else does not decay, have neither trust ratio nor decay; a
 * tensor of zeros has a ratio of 1. With clipping, |g| is that of the clipped gradient. Default weight decay 1e-4.
 */
export class Lars extends FlatOptimizer {
  readonly trust: number;
  readonly momentum: number;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor(options: LarsOptions = {}) {
    super(1, options, 1e-4);
    const { trust = 0.001, momentum = 0.9 } = options;
    if (!(Number.isFinite(trust) && trust > 0 && trust <= 1e6)) throw invalid('trust', 'a positive number', trust);
    this.trust = trust;
    this.momentum = checkNumber('momentum', momentum, 0, 1);
  }

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
