/** Values that a State begins with, or is given. */
import { types } from 'node:util';
import { invalid } from '../errors';
import { Philox } from '../random';
import { copyOf } from '../runtime/dtypes';

/** A parameter that makes its first values. */
interface Initialized {
  readonly name: string;
  readonly size: number;
  readonly initialize: (random: Philox) => Float32Array;
}

/** The parameters of a State, and the places of their values. */
export interface InitialPlaces<P extends Initialized> {
  /** The parameters in the order in which they get their random numbers. */
  readonly parameters: readonly P[];
  /** Index of each parameter's first element. */
  readonly offsets: ReadonlyMap<P, number>;
  /** Elements of the arena. */
  readonly size: number;
  readonly seed: number;
  /** Values that take the place of a parameter's own first values. */
  readonly given: { get(parameter: P): Float32Array | undefined };
}

/** Returns the first values of all parameters; the gaps are 0. @throws ERR_INVALID_ARGUMENT for an initialiser that returns others */
export function initialValues<P extends Initialized>(places: InitialPlaces<P>): Float32Array {
  const { parameters, offsets, size, seed, given } = places;
  const values = new Float32Array(size);
  parameters.forEach((parameter, index) => {
    const initial = given.get(parameter) ?? parameter.initialize(new Philox(seed, index));
    if (!types.isFloat32Array(initial) || initial.length !== parameter.size) {
      throw invalid(`initial values of "${parameter.name}"`, `a Float32Array of ${parameter.size}`, initial?.length);
    }
    values.set(initial, offsets.get(parameter));
  });
  return values;
}

/** Returns a copy of values that are given for a tensor. @throws ERR_INVALID_ARGUMENT for another number of elements than it has */
export function givenValues(
  { name, size }: { readonly name: string; readonly size: number },
  values: Float32Array | Float64Array,
) {
  const isFloats = types.isFloat32Array(values) || types.isFloat64Array(values);
  if (!isFloats || values.length !== size)
    throw invalid(`values of "${name}"`, `a Float32Array of ${size}`, isFloats ? values.length : values);
  return copyOf(values, `values of "${name}"`);
}
