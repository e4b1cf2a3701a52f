import { checkNumber, invalid } from '../errors';
import { gradient } from '../graph/gradient';
import { advance } from '../ops/advance';
import { finiteCheck } from '../ops/finiteCheck';
import { packGradients } from '../ops/pack';
import { sgdUpdate } from '../ops/sgd';
import type { Optimizer, OptimizerInputs, OptimizerNodes } from './optimizer';

export interface SgdOptions {
  /** 0 to 1; default 0.9. */
  momentum?: number;
  /** Applied to weights only, never to biases; default 1e-4. */
  weightDecay?: number;
}

/** m = momentum m - lr (g + weightDecay w), w = w + m (the rule of the paper's authors' framework). */
export class Sgd implements Optimizer {
  readonly slots = 1;
  readonly momentum: number;
  readonly weightDecay: number;

  constructor({ momentum = 0.9, weightDecay = 1e-4 }: SgdOptions = {}) {
    this.momentum = checkNumber('momentum', momentum, 0, 1);
    this.weightDecay = checkNumber('weightDecay', weightDecay, 0, 1e6);
  }

  update({ state, loss, learningRate }: OptimizerInputs): OptimizerNodes {
    if (state.optimizerSlots < this.slots)
      throw invalid('state', 'a State with optimizerSlots of at least 1', state.optimizerSlots);
    const flat = packGradients(state, gradient(loss, state.parameters));
    const { flag, norm } = finiteCheck(loss, flat);
    const step = sgdUpdate(
      {
        gate: flag,
        parameters: state.vector('parameters'),
        momentum: state.vector('optimizer'),
        gradient: flat,
        learningRate,
      },
      { momentum: this.momentum, weightDecay: this.weightDecay, decayed: state.decayed },
    );
    return { updates: [step, advance(flag, state.counter)], gate: flag, gradientNorm: norm };
  }
}
