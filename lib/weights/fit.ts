/** Finds the tensor of a PyTorch file for each weight of a network of saturnn. */
import type { TensorDType } from '../files/tensorTypes';
import { isSameButForOnes, isSameOrder, type Order, orderOf, usualLayout } from './layout';
import { type CheckedMap, checkMap, type WeightMap, type WeightPlace } from './map';
import { isBookkeeping, naturalNames, wrapperOf } from './natural';
import { nearestTensor } from './nearest';
import { isConstant } from './own';
import type { FittedWeight, MisfittingWeight, MissingWeight, WeightsReport } from './report';

/** A weight of a network: a parameter, or running statistics. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A tensor of a file of PyTorch. */
interface Stored {
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
}

/** A weight that was found, and the order of its elements. */
export interface Match {
  readonly weight: FittedWeight;
  readonly order: Order;
}

/** The tensors of a file that fit the weights of a network, and a report on all others. */
export interface Fit {
  readonly matches: readonly Match[];
  readonly report: WeightsReport;
}

/** The dtypes that weights have. Quantised weights are integers, whose scale lies in other tensors. */
export const isOfWeights = (dtype: TensorDType | undefined): boolean =>
  dtype !== undefined && /^(F64|F32|F16|BF16)$/.test(dtype);

/**
 * Compares the weights of a network with the tensors of a file that is named and ordered as PyTorch's are.
 * @throws ERR_INVALID_ARGUMENT, ERR_DATA for a map that cannot be used
 */
export function fitWeights(weights: readonly Weight[], stored: ReadonlyMap<string, Stored>, map?: WeightMap): Fit {
  const names = new PyTorchNames(weights, map);
  const tensors = unwrapped(stored);
  const matches: Match[] = [];
  const misfitting: Omit<MisfittingWeight, 'nearest'>[] = [];
  const missing: Omit<MissingWeight, 'nearest'>[] = [];
  const taken = new Set<string>();
  for (const { name, shape } of weights) {
    const places = names.placesOf(name, shape);
    const found = places
      .filter((place) => tensors.has(place.name) && !taken.has(tensors.get(place.name)!.from))
      .map((place) => tryPlace(name, shape, place, tensors));
    const attempt = found.find((one) => 'order' in one) ?? found[0];
    if (!attempt) missing.push({ name, shape, expected: places.map((place) => place.name) });
    else if ('order' in attempt) matches.push(attempt);
    else misfitting.push(attempt);
    if (attempt) taken.add('order' in attempt ? attempt.weight.from : attempt.from);
  }
  const rest = [...stored].filter(([name]) => !taken.has(name)).map(([name, { shape }]) => ({ name, shape }));
  const isIgnored = names.isIgnored(tensors);
  const others = rest.filter(({ name }) => !isIgnored(name));
  const report = {
    fitted: matches.map(({ weight }) => weight),
    missing: missing.map((weight, index) => ({
      ...weight,
      nearest: index < mostNearest ? nearestTensor(weight.expected, usualShape(weight.shape), others) : null,
    })),
    misfitting: misfitting.map((weight, index) => ({
      ...weight,
      nearest: index < mostNearest ? nearestOfShape(weight, others) : null,
    })),
    leftOut: others.map(({ name }) => name),
    ignored: rest.filter(({ name }) => isIgnored(name)).map(({ name }) => name),
  };
  return { matches, report };
}

/** Compares the weights of a network with the tensors of a file of saturnn, which have the same names and lie in the same order. */
export function fitOwnWeights(weights: readonly Weight[], stored: ReadonlyMap<string, Stored>): Fit {
  const names = new Set(weights.map(({ name }) => name));
  const rest = [...stored].filter(([name]) => !names.has(name) && !isConstant(name));
  const others = rest.map(([name, { shape }]) => ({ name, shape }));
  const matches: Match[] = [];
  const missing: MissingWeight[] = [];
  const misfitting: MisfittingWeight[] = [];
  for (const { name, shape } of weights) {
    const found = stored.get(name);
    const nearest = () => nearestTensor([name], shape, others);
    if (!found) missing.push({ name, shape, expected: [name], nearest: nearest() });
    else {
      const { dtype, shape: fromShape } = found;
      const fits = isOfWeights(dtype) && String(fromShape) === String(shape);
      const weight = { name, shape, from: name, dtype };
      if (!fits)
        misfitting.push({
          ...{ ...weight, expectedShape: shape, receivedShape: fromShape },
          nearest: nearestOfShape({ from: name, expectedShape: shape }, others),
        });
      else matches.push({ weight: { ...weight, fromShape, reordered: false, reshaped: false }, order: asHere(shape) });
    }
  }
  const fitted = matches.map(({ weight }) => weight);
  const ignored = [...stored.keys()].filter(isConstant);
  return { matches, report: { fitted, missing, misfitting, leftOut: others.map(({ name }) => name), ignored } };
}

const asHere = (shape: readonly number[]): Order => orderOf('same', shape) as Order;

/** Returns the tensor that is probably meant instead of one that does not fit: one that has the shape. */
const nearestOfShape = (
  { from, expectedShape }: Pick<MisfittingWeight, 'from' | 'expectedShape'>,
  others: readonly Weight[],
) =>
  nearestTensor(
    [from],
    expectedShape,
    others.filter(({ shape }) => isSameButForOnes(shape, expectedShape)),
  );

/** Most weights of each kind for which the nearest tensor is looked for. */
const mostNearest = 8;

const usualShape = (shape: readonly number[]): readonly number[] => orderOf(usualLayout(shape), shape)!.shape;

/** Returns the tensors by the names that they had before a wrapper put its own before them. */
function unwrapped(stored: ReadonlyMap<string, Stored>): ReadonlyMap<string, Stored & { readonly from: string }> {
  const prefix = wrapperOf([...stored.keys()]);
  return new Map([...stored].map(([from, tensor]) => [from.slice(prefix.length), { ...tensor, from }]));
}

function tryPlace(
  name: string,
  shape: readonly number[],
  place: WeightPlace,
  tensors: ReadonlyMap<string, Stored & { readonly from: string }>,
): Match | Omit<MisfittingWeight, 'nearest'> {
  const { from, dtype, shape: receivedShape } = tensors.get(place.name)!;
  const order = orderOf(place.layout ?? usualLayout(shape), shape);
  if (!order) return { name, shape, from, dtype, expectedShape: usualShape(shape), receivedShape };
  const reshaped = String(order.shape) !== String(receivedShape);
  if (!isOfWeights(dtype) || !isSameButForOnes(order.shape, receivedShape))
    return { name, shape, from, dtype, expectedShape: order.shape, receivedShape };
  const weight = { name, shape, from, fromShape: receivedShape, dtype, reordered: !isSameOrder(order), reshaped };
  return { weight, order };
}

/** The names that the weights of a network have in PyTorch. */
export class PyTorchNames {
  readonly #map: CheckedMap;
  readonly #natural: (name: string) => string[];

  constructor(weights: readonly Weight[], map?: WeightMap) {
    this.#map = checkMap(map);
    this.#natural = naturalNames(new Set(weights.map(({ name }) => name)));
  }

  /** Returns the places that a weight may have, the most probable one first; none if the map says that it is in no file. */
  placesOf(name: string, shape: readonly number[]): WeightPlace[] {
    const { places, absent } = this.#map.placesOf(name, shape);
    return absent ? [] : [...places, ...this.#natural(name).map((natural) => ({ name: natural }))];
  }

  /** Returns whether a network needs nothing of a tensor, by the tensor's name in the file. */
  isIgnored(tensors: ReadonlyMap<string, { readonly from: string }>): (from: string) => boolean {
    const ignored = [...tensors].filter(([name]) => isBookkeeping(name) || this.#map.isIgnored(name));
    const names = new Set(ignored.map(([, { from }]) => from));
    return (from) => names.has(from);
  }
}
