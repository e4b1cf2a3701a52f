/** Statistics of tensors as ops of the graph that computes them. */

import { addOp } from '../../ops/channels';
import { copyOp, packOp } from '../../ops/data';
import { batchNormOp, defaultEpsilon as epsilon, momentsOp } from '../../ops/normalization';
import type { TypedArray } from '../../runtime/native';
import { constant, makeNode, type Op, type Tensor } from '../../tensor/tensor';

/** How a tensor [batch, height, width, channels] or [batch, channels] spreads. */
export interface ChannelStatistics {
  /** Over batch and position within a channel, divided by their count; averaged over channels. */
  readonly variance: number;
  /** Of all elements. */
  readonly meanSquare: number;
  /**
   * Over the batch alone, at one position of one channel; averaged over both. What tells images apart: zero padding of
   * activations with a mean makes values differ between positions, whatever the image is. As `variance` where there is one position.
   */
  readonly betweenImages: number;
}

export interface ChannelStatisticsOptions {
  /** [channels]: added to the means, where x is a pre-activation without its bias. */
  bias?: Tensor | null;
  /** Whether that is asked for; at least two images. Default false: it is then `variance`. */
  betweenImages?: boolean;
}

/** Makes the nodes that measure tensors, and collects what they give as outputs of a graph, two or three of [2] for each key. */
export class StatisticsBuilder {
  readonly outputs: Record<string, Tensor> = {};
  readonly #constants = new Map<number, readonly [ones: Tensor, zeros: Tensor]>();

  /**
   * No op of their own: batchNorm gives mean and variance of every channel (what it normalises, nobody reads), moments their
   * averages. At least two values per channel. They run right after the node that makes x, so that x need not be kept.
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
    // Every position of every channel as a channel of its own.
    const [plain] = after(0.4, copyOp, [x], { image: 0 });
    const [matrix] = after(0.45, packOp, [plain!], { size: x.size, rows: images });
    this.outputs[`${key}/betweenImages`] = after(0.7, momentsOp, [momentsOf(matrix!)[2]!])[0]!;
  }

  /** Scale 1 and shift 0, before everything else in order: a node is not ready before its constants. */
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

/** What the outputs of a run say of a tensor. @param scale what it was multiplied with */
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

/** Square of f32's relative rounding. */
const rounding = 2 ** -48;
/** How often a variance must exceed it to mean something. */
const margin = 1000;

/** Whether a variance of values of this mean square is more than what f32's rounding makes of it. */
export const isResolved = (variance: number, meanSquare: number): boolean => variance > margin * rounding * meanSquare;
