/** Statistics of a tensor as ops of the graph that computes it. */
import { add } from '../ops/add';
import { batchNorm } from '../ops/batchNorm';
import { moments } from '../ops/moments';
import { constant, type Tensor } from '../tensor';

/** How a tensor [batch, height, width, channels] or [batch, channels] spreads. */
export interface ChannelStatistics {
  /** Over batch and position within a channel, divided by their count; averaged over channels. */
  readonly variance: number;
  /** Of all elements. */
  readonly meanSquare: number;
}

/** Where the statistics of one tensor come out: two outputs of a graph, [2] each. */
export interface StatisticsNodes {
  /** moments() of the channels' variances. */
  readonly variances: Tensor;
  /** moments() of the channels' means. */
  readonly means: Tensor;
}

/**
 * The nodes that measure x. No op of their own: batchNorm gives mean and variance of every channel (what it normalises, nobody
 * reads), moments their averages. At least two values per channel.
 * @param bias [channels]: added to the means, where x is a pre-activation without its bias
 */
export function channelStatistics(x: Tensor, { bias, name }: { bias?: Tensor | null; name: string }): StatisticsNodes {
  const channels = x.shape[x.shape.length - 1]!;
  const unchanged = {
    scale: constant(new Float32Array(channels).fill(1)),
    shift: constant(new Float32Array(channels)),
  };
  const { mean, variance } = batchNorm(x, unchanged, { name });
  return {
    variances: moments(variance, { name }),
    means: moments(bias ? add(mean, bias) : mean, { name }),
  };
}

/** What the two outputs say. @param scale what x was multiplied with */
export function readStatistics(variances: ArrayLike<number>, means: ArrayLike<number>, scale = 1): ChannelStatistics {
  const [variance = Number.NaN] = Array.from(variances);
  const [mean = Number.NaN, spread = Number.NaN] = Array.from(means);
  const square = scale * scale;
  return { variance: variance / square, meanSquare: (variance + mean * mean + spread) / square };
}
