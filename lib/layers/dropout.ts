import { invalid } from '../errors';
import { dropout, dropoutRateField } from '../ops/dropout';
import { shapeError } from '../ops/op';
import { text } from '../options/field';
import { Options } from '../options/options';
import { streamOf } from '../random';
import type { Parameter } from '../tensor/state';
import { isTensor, type Tensor } from '../tensor/tensor';
import { contextOf, type ForwardContext } from './context';
import type { Layer } from './layer';

/** Options of the layer Dropout. */
export interface DropoutOptions {
  /** Probability that an element is dropped: at least 0, less than 1. */
  rate: number;
  /** Name of the layer. It also selects the random numbers: two layers of one name drop the same elements. */
  name: string;
}

const dropoutOptions = new Options<DropoutOptions>('Dropout', { rate: dropoutRateField, name: text }, { named: true });

/**
 * Dropout: in training, each element of x (any shape) becomes 0 with probability `rate`, and is divided by 1 - rate otherwise.
 * The choice depends on seed, step, name and the element's index alone, so it is the same on every device. In inference x is
 * returned as it is.
 */
export class Dropout implements Layer {
  readonly parameters: readonly Parameter[] = [];
  /** Probability that an element is dropped. */
  readonly rate: number;
  readonly #name: string;

  /** Makes the layer. @param options rate and name @throws ERR_INVALID_ARGUMENT if `rate` is out of range */
  constructor(options: DropoutOptions) {
    const { rate, name } = dropoutOptions.check(options);
    this.rate = rate;
    this.#name = name;
  }

  /** x -> the same shape. @throws ERR_INVALID_ARGUMENT in training without a counter; ERR_SHAPE */
  forward(x: Tensor, context?: ForwardContext): Tensor {
    if (!isTensor(x)) throw shapeError('dropout', 'x', 'a tensor', x);
    const own = contextOf(context);
    if (this.rate === 0) return x;
    const { training, counter } = own;
    if (!training) return x;
    if (!counter) throw invalid('context.counter', 'the counter of a State, which dropout needs in training', counter);
    return dropout(x, counter, { rate: this.rate, stream: streamOf(this.#name), name: this.#name });
  }
}
