/** Scales weights by the slope of the activations that they multiply: "initialize W on f'(y)" (the paper, Section 2). */

import { invalid } from '../errors';
import { type Model, modelField } from '../models/model';
import { parameterPlaces } from '../models/places';
import { flag, optional } from '../options/field';
import { Options } from '../options/options';
import { type Device, deviceField, deviceOf } from '../runtime/device';
import { type State, stateField } from '../tensor/state';

/** Options of gainInit(). */
export interface GainInitOptions {
  model: Model;
  /** The State of the model's parameters, whose weights are changed. */
  state: State;
  /**
   * Whether to set biases to -f(0) Σw as well, so that an input that is f(0) everywhere gives 0. This matters for sigmoid, where
   * f(0) = 1/2. Default false.
   */
  centred?: boolean;
  /** The device of the State. Default "auto". */
  device?: Device | string;
}

const gainInitOptions = new Options<GainInitOptions>('gainInit()', {
  model: modelField,
  state: stateField,
  centred: optional(flag),
  device: optional(deviceField),
});

/**
 * Multiplies the weights of every convolution and linear layer by 1 / sqrt(E[f'²]), where f is the activation that they multiply
 * and E[f'²] the mean square of its slope near 0. If the weights had variance 1 / fan_in before, Var[y] of equation 4 is then the
 * same in every layer. A sigmoid network that is scaled and centred in this way computes, apart from zero padding, the same as
 * the sigmoid* network with the weights before.
 * @returns the smallest and the largest factor
 * @throws ERR_INVALID_ARGUMENT, also if a weight multiplies activations of different E[f'²] or f(0), or of E[f'²] = 0
 */
export async function gainInit(given: GainInitOptions): Promise<{ smallest: number; largest: number }> {
  const options = gainInitOptions.check(given);
  const { model, state, centred = false } = options;
  const places = parameterPlaces(model).map(({ reads, ...place }) => {
    const slopes = reads ?? [];
    if (slopes.length > 1 || !((slopes[0]?.gain ?? 1) > 0))
      throw invalid(
        `layer "${place.layer}"`,
        "inputs of one E[f'²] and f(0), E[f'²] above 0,",
        slopes.map(({ gain }) => gain),
      );
    const { gain, atZero } = slopes[0] ?? { gain: 1, atZero: 0 };
    return { ...place, factor: 1 / Math.sqrt(gain), atZero };
  });
  await state.on(deviceOf(options.device));
  for (const { parameter, bias, factor, atZero } of places) {
    if (factor === 1 && atZero === 0) continue;
    const weights = (await state.read(parameter)).map((weight) => weight * factor);
    await state.write(parameter, weights);
    if (!centred || atZero === 0 || !bias) continue;
    const fanIn = weights.length / bias.size;
    const sums = Float32Array.from({ length: bias.size }, (_, output) => {
      let sum = 0;
      for (let i = output * fanIn; i < (output + 1) * fanIn; i++) sum += weights[i]!;
      return -atZero * sum;
    });
    await state.write(bias, sums);
  }
  const factors = places.map(({ factor }) => factor);
  return { smallest: Math.min(...factors), largest: Math.max(...factors) };
}
