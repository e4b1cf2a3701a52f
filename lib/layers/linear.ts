import { checkInteger } from '../errors';
import { defaultInitializer, type Initializer } from '../initial/initializers';
import { linear } from '../ops/linear';
import type { Parameter, Tensor } from '../tensor/tensor';
import { type Layer, weightAndBias } from './layer';

export interface LinearOptions {
  name: string;
  /** Features of x. */
  inputs: number;
  /** Features of y. */
  outputs: number;
  /** Of the weights; default gaussian, fan in, magnitude 1. Biases begin at 0. */
  initializer?: Initializer;
}

/** Fully connected, with bias. [N, inputs] -> [N, outputs] */
export class Linear implements Layer {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly parameters: readonly Parameter[];
  readonly #name: string;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor({ name, inputs, outputs, initializer = defaultInitializer() }: LinearOptions) {
    checkInteger(`inputs of ${name}`, inputs, 1);
    checkInteger(`outputs of ${name}`, outputs, 1);
    const shape = [outputs, inputs];
    this.#name = name;
    const { weight, bias } = weightAndBias(name, shape, initializer);
    this.weight = weight;
    this.bias = bias;
    this.parameters = [weight, bias];
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, { bias: this.bias, name: this.#name });
  }
}
