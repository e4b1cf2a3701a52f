/** Trains a sigmoid network exactly as SGD trains the sigmoid* network that computes the same (docs/equivalence.md). */

import { gradient } from '../../compile/gradient';
import { invalid } from '../../errors';
import { copy, packGradients, packOp } from '../../ops/data';
import { linear, linearWgrad } from '../../ops/linear';
import { blend } from '../../ops/normalization';
import { first } from '../../ops/op';
import { globalAveragePool, globalAveragePoolGradient } from '../../ops/pooling';
import { finiteCheck } from '../../ops/scaling';
import { advance, behindGate, checkUpdate, sgdUpdate } from '../../ops/update';
import { momentumRange, updateInputs, weightDecayRange } from '../../optim/flatOptimizer';
import type { Optimizer, OptimizerInputs, OptimizerNodes } from '../../optim/optimizer';
import { arrayOf, instance, number, optional } from '../../options/field';
import { Options } from '../../options/options';
import type { Parameter } from '../../tensor/state';
import { apply, constant, isTensor, sizeOf, type Tensor } from '../../tensor/tensor';
import { gain, offset } from './map';
import type { CoupledLayer } from './network';

/** Options of PreconditionedSgd. */
export interface PreconditionedSgdOptions {
  /**
   * Layers that read sigmoids, from sigmoidTwin(): their weights and biases move together. Other parameters follow plain SGD.
   */
  layers: readonly CoupledLayer[];
  /** Momentum, 0 to 1. Default 0.9. */
  momentum?: number;
  /** Weight decay of the sigmoid* network's weights W = W'/4, 0 to 1e6. Default 1e-4. */
  weightDecay?: number;
}

const preconditionedOptions = new Options<PreconditionedSgdOptions>('PreconditionedSgd', {
  layers: arrayOf(
    instance<CoupledLayer>('a layer of sigmoidTwin()', ({ weight, bias }) => isTensor(weight) && isTensor(bias)),
    'the layers of sigmoidTwin()',
  ),
  momentum: optional(number(momentumRange)),
  weightDecay: optional(number(weightDecayRange)),
});

/**
 * Trains a sigmoid network so that it does what plain SGD does with the sigmoid* network that computes the same function: m'
 * = momentum m' - lr d' and theta' = theta' + m', with d' = J (Jᵀ g' + weightDecay (W, 0)) (equations 10 and 11 of
 * docs/equivalence.md). Here theta' are the parameters of the sigmoid network, g' is their gradient, and J is the linear part
 * of the map from the sigmoid* network's parameters to theta' (mapParameters()). For a layer that reads sigmoids, with the
 * gradients g_W' and g_b':
 *
 *     d_W' = 16 g_W' - 8 g_b' 1ᵀ + weightDecay W'     d_b' = g_b' - d_W' 1 / 2
 *
 * The reported gradientNorm is the norm of d', not that of the gradient.
 */
export class PreconditionedSgd implements Optimizer {
  readonly slots = 1;
  readonly averageSlot = null;
  /** Layers that read sigmoids, whose weights and biases move together. */
  readonly layers: readonly CoupledLayer[];
  /** Momentum, 0 to 1. */
  readonly momentum: number;
  /** Weight decay of the sigmoid* network's weights. */
  readonly weightDecay: number;

  /**
   * Makes the optimizer.
   * @param options the layers that read sigmoids, momentum (default 0.9) and weight decay (default 1e-4)
   * @throws ERR_INVALID_ARGUMENT if momentum or weightDecay is out of range
   */
  constructor(options: PreconditionedSgdOptions) {
    const { layers, momentum = 0.9, weightDecay = 1e-4 } = preconditionedOptions.check(options);
    this.layers = layers;
    this.momentum = momentum;
    this.weightDecay = weightDecay;
  }

  /**
   * Makes the nodes of an update.
   * @param inputs State, loss and learning rate
   * @throws ERR_INVALID_ARGUMENT if a layer does not belong to the State that is trained
   */
  update(inputs: OptimizerInputs): OptimizerNodes {
    const { state, loss, learningRate, watched = loss } = updateInputs.check(inputs);
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
    const { flag, norm: gradientNorm } = finiteCheck(watched, flat);
    const step = sgdUpdate(
      {
        ...{ gate: flag, learningRate, gradient: flat },
        ...{ parameters: state.vector('parameters'), momentum: state.vector('optimizer') },
      },
      // The direction contains weight decay already, because it acts on biases as well.
      { momentum: this.momentum, weightDecay: 0, decayed: size },
    );
    const gate = checkUpdate(step);
    return { updates: [behindGate(step, gate), advance(gate, counter)], gate, gradientNorm };
  }

  /** Direction of plain SGD, for a layer that does not read sigmoids: g, with weight decay if the parameter is a weight. */
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

/** Returns x 1, the sum over all dimensions but the first: [O, I] or [O, KH, KW, C] -> [O]. */
export function sumOfRows(x: Tensor): Tensor {
  const [outputs = 1, ...rest] = x.shape;
  const inner = rest.at(-1) ?? 1;
  const area = x.size / (outputs * inner);
  // A global average pool gives the mean over positions; times their number (in `ones`) it is the sum.
  const rows = rest.length === 1 ? x : globalAveragePool(copy(x, { image: true }));
  const sums = linear(rows, ones(inner, area));
  return first(apply(packOp, [sums], { offset0: 0, size: outputs }));
}

/** Returns x 1ᵀ, the transpose of sumOfRows(): each value at all places of its row, [O] -> [O, I] or [O, KH, KW, C]. */
export function spreadOverRows(x: Tensor, shape: readonly number[]): Tensor {
  const [outputs = 1, ...rest] = shape;
  const inner = rest.at(-1) ?? 1;
  const area = sizeOf(rest) / inner;
  // Turns the vector into a matrix [1, O]: a linear layer of zeros with x as its bias.
  const row = linear(constant([0], [1, 1]), constant(new Float32Array(outputs), [outputs, 1]), { bias: x });
  const { dweight } = linearWgrad(ones(inner, area), row);
  return rest.length === 1 ? dweight : copy(globalAveragePoolGradient(dweight, shape), { image: false });
}
