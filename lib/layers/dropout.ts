import { checkRate, dropout } from '../ops/dropout';
import { streamOfName } from '../random';
import type { Parameter, Tensor } from '../tensor';
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
    this.rate = checkRate(`rate of ${name}`, rate);
    this.#name = name;
  }

  forward(x: Tensor, context: ForwardContext = inference): Tensor {
    if (!context.training || !context.counter || this.rate === 0) return x;
    return dropout(x, context.counter, { rate: this.rate, stream: streamOfName(this.#name), name: this.#name });
  }
}
