/** ONNX's batch normalisation: batchNorm() and batchNormInference(). */
import { add, batchNorm, batchNormInference, multiply, type Tensor } from '../../../lib';
import { channelsAre } from '../arrange';
import type { Call, Operators } from '../call';
import type { Values } from '../case';

async function normalized(call: Call): Promise<Values[]> {
  const { tensor: x, back } = call.feedArranged(channelsAre(1, call.floats(0)));
  const [scale, shift] = [call.feed(call.floats(1)), call.feed(call.floats(2))];
  const [mean, variance] = [call.floats(3), call.floats(4)];
  const epsilon = call.number('epsilon', 1e-5);
  if (call.number('training_mode', 0) === 0) {
    const statistics = { mean: call.feed(mean), variance: call.feed(variance), scale, shift };
    return call.compute([[batchNormInference(x, statistics, { epsilon }), back]]);
  }
  const batch = batchNorm(x, { scale, shift }, { epsilon });
  const keep = call.number('momentum', 0.9);
  const followed = (old: Values, value: Tensor) => [moved(call, old, value, keep), (result: Values) => result] as const;
  return call.compute([[batch.y, back], followed(mean, batch.mean), followed(variance, batch.variance)]);
}

/** Returns keep old + (1 - keep) value, of vectors [C]. */
const moved = (call: Call, old: Values, value: Tensor, keep: number): Tensor =>
  add(multiply(call.feed(old), keep), multiply(value, 1 - keep));

/** Batch normalisation. */
export const normalizationOperators: Operators = { BatchNormalization: normalized };
