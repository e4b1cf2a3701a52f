/** Computes statistics of tensors with ops in the same graph. */

import { addOp } from '../../ops/channels';
import { copyOp, packOp } from '../../ops/data';
import { batchNormOp, defaultEpsilon as epsilon, momentsOp } from '../../ops/normalization';
import type { TypedArray } from '../../runtime/native';
import { constant, makeNode, type Op, type Tensor } from '../../tensor/tensor';

/** Statistics of a tensor [batch, height, width, channels] or [batch, channels]. */
export interface ChannelStatistics {
  /** Variance over batch and positions within a channel (divided by their count), averaged over channels. */
  readonly variance: number;
  /** Mean of the squares of all elements. */
  readonly meanSquare: number;
  /**
   * Variance over the batch alone, at one position of one channel, averaged over both. It measures what distinguishes images:
   * where activations have a mean, zero padding makes values differ between positions, whatever the image is. It is
   * `variance` if there is one position.
   */
  readonly betweenImages: number;
}

/** Options of StatisticsBuilder.add(). */
export interface ChannelStatisticsOptions {
  /** Bias, [channels], that is added to the means, for an x that is a pre-activation without its bias. */
  bias?: Tensor | null;
  /** Whether to compute `betweenImages`, for at least two images. Default false: it is then equal to `variance`. */
  betweenImages?: boolean;
}

/** Makes the nodes that measure tensors, and collects their results as outputs of a graph: two or three tensors [2] per key. */
export class StatisticsBuilder {
  readonly outputs: Record<string, Tensor> = {};
  readonly #constants = new Map<number, readonly [ones: Tensor, zeros: Tensor]>();

  /**
   * Adds the statistics of x, which must have at least two values per channel. Existing ops compute them: batchNorm the mean
   * and variance of every channel (its normalised output is not used), moments the averages of these. They run right after
   * the node that makes x, so that x need not be kept.
   */
  add(key: string, x: Tensor, { bias = null, betweenImages = false }: ChannelStatisticsOptions = {}): void {
    const after = (part: number, op: Op, inputs: readonly Tensor[], attributes = {}) => {
      const { name, order } = x.node;
      const node = { order: order + part, op, inputs, attributes, name, source: null };
      return makeNode(node, op.inferShape(inputs, attributes)).outputs;
    };
    const momentsOf = (values: Tensor) => after(0.5, batchNormOp, [values, ...this.#unchanged(values)], { epsilon });
    const [, mean, variance] = momentsOf(x);
    const [moved] = bias ? after(0.6, addOp, [mean!, bias]) : [mean];
    this.outputs[`${key}/variances`] = after(0.7, momentsOp, [variance!])[0]!;
    this.outputs[`${key}/means`] = after(0.7, momentsOp, [moved!])[0]!;
    const [images = 1, ...positions] = x.shape;
    if (!betweenImages || positions.length < 3 || positions[0]! * positions[1]! === 1) return;
    // Makes every position of every channel a channel of its own.
    const [plain] = after(0.4, copyOp, [x], { image: 0 });
    const [matrix] = after(0.45, packOp, [plain!], { size: x.size, rows: images });
    this.outputs[`${key}/betweenImages`] = after(0.7, momentsOp, [momentsOf(matrix!)[2]!])[0]!;
  }

  /** Returns scale 1 and shift 0. They come first in the order of nodes, because a node must come after its constants. */
  #unchanged({ shape }: Tensor): readonly [Tensor, Tensor] {
    const channels = shape[shape.length - 1]!;
    const known = this.#constants.get(channels);
    if (known) return known;
    const early = (value: number): Tensor => {
      const tensor = constant(new Float32Array(channels).fill(value));
      return makeNode({ ...tensor.node, order: -1 }, [tensor]).outputs[0]!;
    };
    const made = [early(1), early(0)] as const;
    this.#constants.set(channels, made);
    return made;
  }
}

/**
 * Reads the statistics of a tensor from the outputs of a run.
 * @param scale factor by which the tensor was multiplied; default 1
 */
export function readStatistics(
  outputs: Readonly<Record<string, TypedArray>>,
  key: string,
  scale = 1,
): ChannelStatistics {
  const [variance = Number.NaN] = outputs[`${key}/variances`] ?? [];
  const [mean = Number.NaN, spread = Number.NaN] = outputs[`${key}/means`] ?? [];
  const [between = variance] = outputs[`${key}/betweenImages`] ?? [];
  const square = scale * scale;
  return {
    variance: variance / square,
    meanSquare: (variance + mean * mean + spread) / square,
    betweenImages: between / square,
  };
}

/** Square of the relative rounding error of f32. */
const rounding = 2 ** -48;
/** Factor by which a variance must exceed the rounding error to be meaningful. */
const margin = 1000;

/** Whether a variance of values with this mean square clearly exceeds the rounding error of f32. */
export const isResolved = (variance: number, meanSquare: number): boolean => variance > margin * rounding * meanSquare;
