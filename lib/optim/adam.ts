import { invalid } from '../errors';
import { adamUpdate, type UpdateInputs } from '../ops/update';
import type { State } from '../tensor/state';
import type { Node, Tensor } from '../tensor/tensor';
import { checkDecay, FlatOptimizer, type FlatOptimizerOptions } from './flatOptimizer';
import { segmentTable } from './groups';

export interface AdamOptions extends FlatOptimizerOptions {
  /** How slowly the mean of the gradient forgets: 0 to below 1, default 0.9. */
  beta1?: number;
  /** The same of the mean of its square; default 0.999. */
  beta2?: number;
  /** Added to the root of that mean: 1e-30 to 1, default 1e-8. */
  epsilon?: number;
}

/** Both kinds of Adam: they differ in where the weight decay goes. */
export abstract class AdamRule extends FlatOptimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;

  constructor(
    options: AdamOptions,
    defaultDecay: number,
    private readonly decoupled: boolean,
  ) {
    super(2, options, defaultDecay);
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
    this.beta1 = checkDecay('beta1', beta1);
    this.beta2 = checkDecay('beta2', beta2);
    // Not 0: a weight that never had a gradient would become 0 / 0.
    if (typeof epsilon !== 'number' || !(epsilon >= 1e-30 && epsilon <= 1))
      throw invalid('epsilon', 'a number from 1e-30 to 1', epsilon);
    this.epsilon = epsilon;
  }

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
 * Adam (Kingma and Ba, 1412.6980), bias correction by the State's counter of steps. Weight decay, by default 0, is added to
 * the gradient as in the original and in PyTorch's Adam; AdamW is the better way to decay.
 */
export class Adam extends AdamRule {
  /** @throws ERR_INVALID_ARGUMENT */
  constructor(options: AdamOptions = {}) {
    super(options, 0, false);
  }
}
