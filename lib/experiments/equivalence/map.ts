/**
 * The map J of docs/equivalence.md, computed on the host in double precision: from the parameters of a sigmoid* network to
 * those of the sigmoid network that computes the same. In layers that read sigmoids, W' = 4 W and b' = b - 2 W 1 (equations 2
 * and 3); all other parameters are equal.
 */
import { invalid } from '../../errors';
import { fromData } from '../../options/options';
import type { Parameter } from '../../tensor/state';
import type { SigmoidTwin } from './network';

/** sigmoid*(x) = gain sigmoid(x) + offset (equation 10 of the paper). */
export const gain = 4;
export const offset = -2;

/** Values of parameters by their names, which both networks share; row-major. */
export type Values = ReadonlyMap<string, ArrayLike<number>>;

/**
 * Maps the parameters of a sigmoid* network to those of the sigmoid network that computes the same function: W' = 4 W and
 * b' = b - 2 W 1 in the layers that read sigmoids, equality elsewhere (equations 2 and 3 of docs/equivalence.md). It computes
 * in double precision.
 * @param twin the sigmoid network, from sigmoidTwin() without `centred`
 * @param star values of all parameters of the sigmoid* network, by name, row-major
 * @returns values by name, with the shapes of the sigmoid* network's parameters
 * @throws ERR_INVALID_ARGUMENT if the values of a parameter are missing, or are too few or too many
 */
export const mapParameters = (twin: SigmoidTwin, star: Values): Map<string, Float64Array> =>
  fromData('twin and star', 'a SigmoidTwin and the values of all parameters', twin, () => mapWith(offset, twin, star));

/** The same for a network of centred sigmoids, t - 1/2. sigmoid* is 4 times that, so W' = 4 W and b' = b. */
export const mapCentred = (twin: SigmoidTwin, star: Values): Map<string, Float64Array> => mapWith(0, twin, star);

function mapWith(shift: number, { model, layers }: SigmoidTwin, star: Values): Map<string, Float64Array> {
  const mapped = new Map(
    model.parameters.map((parameter) => [parameter.name, Float64Array.from(valuesOf(star, parameter))]),
  );
  for (const { weight, bias } of layers) {
    const sums = rowSums(weight, valuesOf(star, weight));
    const weights = mapped.get(weight.name);
    const biases = mapped.get(bias.name);
    weights?.forEach((value, index) => {
      weights[index] = gain * value;
    });
    biases?.forEach((value, output) => {
      biases[output] = value + shift * sums[output]!;
    });
  }
  return mapped;
}

/** Returns the values of a parameter. @throws ERR_INVALID_ARGUMENT if they are missing, or too few or too many */
function valuesOf(values: Values, { name, size }: Parameter): ArrayLike<number> {
  if (typeof values?.get !== 'function')
    throw invalid('star', 'a Map of the values of all parameters, by name,', values);
  const found = values.get(name);
  if (found?.length !== size) throw invalid(`values of "${name}" in star`, `${size} numbers`, found?.length);
  return found;
}

/** Returns W 1, the sum over all dimensions but the first: [O, ...] -> [O]. */
function rowSums({ shape, size }: Parameter, values: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(shape[0]!);
  const fanIn = size / sums.length;
  for (let index = 0; index < size; index++) sums[Math.floor(index / fanIn)]! += values[index]!;
  return sums;
}

/** Returns the fan in F of a weight [O, ...]: the number of terms that each output sums up. */
export const fanInOf = ({ shape, size }: Parameter): number => size / shape[0]!;
