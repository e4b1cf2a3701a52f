/**
 * The map J of docs/equivalence.md on the host, in double: from a sigmoid* network's parameters to those of the sigmoid network
 * that computes the same. W' = 4 W and b' = b - 2 W 1 (equations 2 and 3) in layers that read sigmoids, equality elsewhere.
 */
import type { Parameter } from '../../tensor/tensor';
import type { SigmoidTwin } from './network';

/** sigmoid* = gain sigmoid + offset (the paper's equation 10). */
export const gain = 4;
export const offset = -2;

/** Values by name, which both networks share; row-major. */
export type Values = ReadonlyMap<string, ArrayLike<number>>;

/**
 * The parameters of the sigmoid network, by name.
 * @param star the sigmoid* network's: all of them
 */
export const mapParameters = (twin: SigmoidTwin, star: Values) => mapWith(offset, twin, star);

/** Those of a network of centred sigmoids, t - 1/2: sigmoid* is 4 times that, so W' = 4 W and b' = b. */
export const mapCentred = (twin: SigmoidTwin, star: Values) => mapWith(0, twin, star);

function mapWith(shift: number, { model, layers }: SigmoidTwin, star: Values): Map<string, Float64Array> {
  const mapped = new Map(model.parameters.map(({ name }) => [name, Float64Array.from(valuesOf(star, name))]));
  for (const { weight, bias } of layers) {
    const sums = rowSums(weight, valuesOf(star, weight.name));
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

function valuesOf(values: Values, name: string): ArrayLike<number> {
  const found = values.get(name);
  if (!found) throw new RangeError(`no values of "${name}"`);
  return found;
}

/** W 1: the sum over everything but the outputs. [O, ...] -> [O] */
function rowSums({ shape, size }: Parameter, values: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(shape[0]!);
  const fanIn = size / sums.length;
  for (let index = 0; index < size; index++) sums[Math.floor(index / fanIn)]! += values[index]!;
  return sums;
}

/** What a layer's outputs sum over: F, the fan in. */
export const fanInOf = ({ shape, size }: Parameter): number => size / shape[0]!;
