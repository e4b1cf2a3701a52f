import { checkNumber, invalid } from '../errors';
import { sgdUpdate, type UpdateInputs } from '../ops/update';
import type { State } from '../tensor/state';
import type { Node, Tensor } from '../tensor/tensor';
import { FlatOptimizer, type FlatOptimizerOptions } from './flatOptimizer';
import { segmentTable } from './groups';

export interface SgdOptions extends FlatOptimizerOptions {
  /** 0 to 1; default 0.9. */
  momentum?: number;
  /** Look ahead along the momentum; default false. */
  nesterov?: boolean;
  /** Applied to weights only, never to biases, unless a group says otherwise; default 1e-4. */
  weightDecay?: number;
}

/**
 * m = momentum m - lr (g + weightDecay w), w = w + m (the rule of the paper's authors' framework). With Nesterov, the second
 * is w = w + momentum m - lr (g + weightDecay w). At a constant learning rate that is PyTorch's SGD(nesterov=True), whose
 * buffer b is -m / lr; where the rate changes, ours leaves what the momentum holds as it is, PyTorch's scales it with the rate.
 */
export class Sgd extends FlatOptimizer {
  readonly momentum: number;
  readonly nesterov: boolean;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor(options: SgdOptions = {}) {
    super(1, options, 1e-4);
    const { momentum = 0.9, nesterov = false } = options;
    this.momentum = checkNumber('momentum', momentum, 0, 1);
    if (typeof nesterov !== 'boolean') throw invalid('nesterov', 'true or false', nesterov);
    this.nesterov = nesterov;
  }

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
