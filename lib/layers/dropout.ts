import { invalid } from '../errors';
import { checkDropoutRate, dropout } from '../ops/dropout';
import { streamOf } from '../random';
import type { Parameter, Tensor } from '../tensor/tensor';
import { type ForwardContext, inference } from './context';
import type { Layer } from './layer';

export interface DropoutOptions {
  /** Probability of being dropped: at least 0, less than 1. */
  rate: number;
  /** Also chooses the random numbers: two layers of one name drop the same elements. */
  name: string;
}

/**
 * In training: each element is 0 with probability `rate`, else divided by 1 - rate; drawn by seed, step, name and place, so
 * the same on every device. In inference nothing happens.
 */
export class Dropout implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly rate: number;
  readonly #name: string;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor({ rate, name }: DropoutOptions) {
    this.rate = checkDropoutRate(`rate of ${name}`, rate);
    this.#name = name;
  }

  /** @throws ERR_INVALID_ARGUMENT for training without a counter, ERR_SHAPE */
  forward(x: Tensor, context: ForwardContext = inference): Tensor {
    const { training, counter } = context;
    if (!training || this.rate === 0) return x;
    if (!counter) throw invalid('context.counter', 'the counter of a State, which dropout needs in training', counter);
    return dropout(x, counter, { rate: this.rate, stream: streamOf(this.#name), name: this.#name });
  }
}
