import { checkInteger } from '../errors';
import { defaultInitializer, type Initializer, zeros } from '../initializers';
import { linear } from '../ops/linear';
import { Parameter, type Tensor } from '../tensor';
import type { Layer } from './layer';

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
    this.weight = new Parameter({
      name: `${name}/weight`,
      shape,
      decay: true,
      initialize: (random) => initializer(shape, random),
    });
    this.bias = new Parameter({
      name: `${name}/bias`,
      shape: [outputs],
      decay: false,
      initialize: (random) => zeros([outputs], random),
    });
    this.parameters = [this.weight, this.bias];
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, { bias: this.bias, name: this.#name });
  }
}
