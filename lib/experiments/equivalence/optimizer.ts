/** SGD of a sigmoid* network, written for the parameters of the sigmoid network that computes the same (docs/equivalence.md). */

import { gradient } from '../../compile/gradient';
import { checkNumber, invalid } from '../../errors';
import { copy, packGradients, packOp } from '../../ops/data';
import { linear, linearWgrad } from '../../ops/linear';
import { blend } from '../../ops/normalization';
import { first } from '../../ops/op';
import { globalAveragePool, globalAveragePoolGradient } from '../../ops/pooling';
import { finiteCheck } from '../../ops/scaling';
import { advance, sgdUpdate } from '../../ops/update';
import type { Optimizer, OptimizerInputs, OptimizerNodes } from '../../optim/optimizer';
import type { Parameter } from '../../tensor/state';
import { apply, constant, sizeOf, type Tensor } from '../../tensor/tensor';
import { gain, offset } from './map';
import type { CoupledLayer } from './network';

export interface PreconditionedSgdOptions {
  /** Those whose weights and biases move together; all other parameters follow plain SGD. */
  layers: readonly CoupledLayer[];
  /** 0 to 1; default 0.9. */
  momentum?: number;
  /** 0 to 1e6, of the sigmoid* network's weights W = W'/4; default 1e-4. */
  weightDecay?: number;
}

/**
 * m' = momentum m' - lr d', theta' = theta' + m' with d' = J (Jᵀ g' + weightDecay (W, 0)): equations 10 and 11, per layer
 *
 *     d_W' = 16 g_W' - 8 g_b' 1ᵀ + weightDecay W'
 *     d_b' = g_b' - d_W' 1 / 2
 *
 * What it reports as gradientNorm is the norm of d'.
 */
export class PreconditionedSgd implements Optimizer {
  readonly slots = 1;
  readonly averageSlot = null;
  readonly layers: readonly CoupledLayer[];
  readonly momentum: number;
  readonly weightDecay: number;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor({ layers, momentum = 0.9, weightDecay = 1e-4 }: PreconditionedSgdOptions) {
    this.layers = layers;
    this.momentum = checkNumber('momentum', momentum, 0, 1);
    this.weightDecay = checkNumber('weightDecay', weightDecay, 0, 1e6);
  }

  /** @throws ERR_INVALID_ARGUMENT if a layer is not of this State */
  update({ state, loss, learningRate }: OptimizerInputs): OptimizerNodes {
    for (const { weight } of this.layers)
      if (weight.state !== state) throw invalid('layers', 'layers of the model that is trained', weight.name);
    const { parameters, size, counter } = state;
    const gradients = new Map(gradient(loss, parameters).map((tensor, index) => [parameters[index]!, tensor]));
    const directions = parameters.map((parameter) => this.#plain(parameter, gradients.get(parameter)!));
    const place = (parameter: Parameter) => parameters.indexOf(parameter);
    for (const { weight, bias } of this.layers) {
      const direction = this.#coupled(weight, gradients.get(weight)!, gradients.get(bias)!);
      directions[place(weight)] = direction.weight;
      directions[place(bias)] = direction.bias;
    }
    const flat = packGradients(state, directions);
    const { flag: gate, norm: gradientNorm } = finiteCheck(loss, flat);
    const step = sgdUpdate(
      {
        ...{ gate, learningRate, gradient: flat },
        ...{ parameters: state.vector('parameters'), momentum: state.vector('optimizer') },
      },
      // Weight decay is in the direction already: it reaches biases as well.
      { momentum: this.momentum, weightDecay: 0, decayed: size },
    );
    return { updates: [step, advance(gate, counter)], gate, gradientNorm };
  }

  /** g, with weight decay of weights: a layer that reads pixels. */
  #plain(parameter: Parameter, g: Tensor): Tensor {
    return parameter.decay ? this.#decayed(parameter, g) : g;
  }

  #decayed(weight: Tensor, direction: Tensor): Tensor {
    return blend(direction, weight, { keep: 1, take: this.weightDecay });
  }

  #coupled(weight: Parameter, gWeight: Tensor, gBias: Tensor): { weight: Tensor; bias: Tensor } {
    const spread = spreadOverRows(gBias, weight.shape);
    const both = blend(gWeight, spread, { keep: gain * gain, take: gain * offset });
    const direction = this.#decayed(weight, both);
    return { weight: direction, bias: blend(gBias, sumOfRows(direction), { keep: 1, take: offset / gain }) };
  }
}

const ones = (count: number, value = 1): Tensor => constant(new Float32Array(count).fill(value), [1, count]);

/** x 1: the sum over everything but the first dimension. [O, I] or [O, KH, KW, C] -> [O] */
export function sumOfRows(x: Tensor): Tensor {
  const [outputs = 1, ...rest] = x.shape;
  const inner = rest.at(-1) ?? 1;
  const area = x.size / (outputs * inner);
  // Positions as those of an image: their mean, times their number.
  const rows = rest.length === 1 ? x : globalAveragePool(copy(x, { image: true }));
  const sums = linear(rows, ones(inner, area));
  return first(apply(packOp, [sums], { offset0: 0, size: outputs }));
}

/** x 1ᵀ, its transpose: each value in all places of its row. [O] -> [O, I] or [O, KH, KW, C] */
export function spreadOverRows(x: Tensor, shape: readonly number[]): Tensor {
  const [outputs = 1, ...rest] = shape;
  const inner = rest.at(-1) ?? 1;
  const area = sizeOf(rest) / inner;
  // 0 times 0, and x as the bias: the vector as a matrix [1, O].
  const row = linear(constant([0], [1, 1]), constant(new Float32Array(outputs), [outputs, 1]), { bias: x });
  const { dweight } = linearWgrad(ones(inner, area), row);
  return rest.length === 1 ? dweight : copy(globalAveragePoolGradient(dweight, shape), { image: false });
}
