import { linear } from '../ops/linear';
import { integer, optional, text } from '../options/field';
import { Options } from '../options/options';
import type { Parameter } from '../tensor/state';
import type { Tensor } from '../tensor/tensor';
import { defaultInitializer, type Initializer, initializerField } from './initializers';
import { type Layer, weightAndBias } from './layer';

/** Options of the layer Linear. */
export interface LinearOptions {
  /** Prefix of the parameters' names, and the name of its kernels. */
  name: string;
  /** Features of x. */
  inputs: number;
  /** Features of y. */
  outputs: number;
  /** Initialiser of the weights. Default: a normal distribution with variance 1 / inputs. Biases begin at 0. */
  initializer?: Initializer;
}

const linearOptions = new Options<LinearOptions>(
  'Linear',
  { name: text, inputs: integer(1), outputs: integer(1), initializer: optional(initializerField) },
  { named: true },
);

/**
 * A fully connected layer with bias: y = x weightᵀ + bias. [N, inputs] -> [N, outputs]. Parameters: NAME/weight [outputs, inputs]
 * and NAME/bias [outputs].
 */
export class Linear implements Layer {
  /** NAME/weight [outputs, inputs]. */
  readonly weight: Parameter;
  /** NAME/bias [outputs]. */
  readonly bias: Parameter;
  readonly parameters: readonly Parameter[];
  readonly #name: string;

  /**
   * Makes the layer and its parameters.
   * @param options name, numbers of inputs and outputs, and initialiser of the weights
   * @throws ERR_INVALID_ARGUMENT unless inputs and outputs are positive integers
   */
  constructor(options: LinearOptions) {
    const { name, inputs, outputs, initializer = defaultInitializer() } = linearOptions.check(options);
    const shape = [outputs, inputs];
    this.#name = name;
    const { weight, bias } = weightAndBias(name, shape, initializer);
    this.weight = weight;
    this.bias = bias;
    this.parameters = [weight, bias];
  }

  /** x [N, inputs] -> [N, outputs]. @throws ERR_SHAPE */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, { bias: this.bias, name: this.#name });
  }
}
