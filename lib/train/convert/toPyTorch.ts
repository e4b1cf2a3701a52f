/** Makes a file of PyTorch from one of saturnn. */
import { invalid } from '../../errors';
import type { NamedTensor } from '../../files/safetensors';
import { openSafetensors, type TensorFile } from '../../files/tensorFile';
import { fitWeights, PyTorchNames, type Weight } from '../../weights/fit';
import { isSameOrder, type Order, orderOf, reorder, usualLayout } from '../../weights/layout';
import { stepCountBeside } from '../../weights/natural';
import { isOwn } from '../../weights/own';
import type { FittedWeight } from '../../weights/report';
import { floatsOf, tensorOf } from '../../weights/values';
import { type Conversion, weightsIn } from './fromPyTorch';
import { type ConvertWeightsOptions, defaultWeightDType } from './options';

/** Readers of Hugging Face ask for it. */
const metadata = { format: 'pt' };

/** Plans a conversion to a file of PyTorch. @throws ERR_INVALID_ARGUMENT, ERR_DATA */
export function toPyTorch(file: TensorFile, options: ConvertWeightsOptions): Conversion {
  if (!isOwn(file)) throw invalid('from', 'a file of saturnn, to make one of PyTorch of it,', file.path);
  if (options.model) throw invalid('model', 'no value, as the file says its network,', options.model.name);
  const weights = weightsIn(file);
  return options.like === undefined ? named(file, weights, options) : namedLike(file, weights, options, options.like);
}

/** Gives the weights the names that a PyTorch module of the same structure has. */
function named(
  file: TensorFile,
  weights: readonly Weight[],
  { map, dtype = defaultWeightDType }: ConvertWeightsOptions,
): Conversion {
  const names = new PyTorchNames(weights, map);
  const written: { readonly weight: FittedWeight; readonly order: Order }[] = [];
  const leftOut: string[] = [];
  const owners = new Map<string, string>();
  for (const { name, shape } of weights) {
    const [place] = names.placesOf(name, shape);
    if (!place) {
      leftOut.push(name);
      continue;
    }
    const owner = owners.get(place.name);
    if (owner !== undefined)
      throw invalid('map', `another name in PyTorch for "${name}" than for "${owner}"`, place.name);
    owners.set(place.name, name);
    const order = orderOf(place.layout ?? usualLayout(shape), shape);
    if (!order) throw invalid(`layout of "${name}"`, `one for the shape [${shape.join(', ')}]`, place.layout);
    const { dtype } = file.tensors.get(name)!;
    const common = { name, shape, from: place.name, fromShape: order.shape, dtype };
    written.push({ weight: { ...common, reordered: !isSameOrder(order), reshaped: false }, order });
  }
  return {
    report: { fitted: written.map(({ weight }) => weight), missing: [], misfitting: [], leftOut, ignored: [] },
    make() {
      const tensors = new Map<string, NamedTensor>();
      for (const { weight, order } of written) {
        const { from, fromShape } = weight;
        tensors.set(from, tensorOf(weight.name, fromShape, valuesFor(file, weight, order), dtype));
        const count = stepCountBeside(from);
        if (count !== null) tensors.set(count, { shape: [], data: BigInt64Array.of(0n), dtype: 'I64' });
      }
      return { tensors, metadata };
    },
  };
}

/** Gives the weights the names and shapes of a file of PyTorch, and takes from it what a network does not need. */
function namedLike(
  file: TensorFile,
  weights: readonly Weight[],
  { map, dtype = defaultWeightDType }: ConvertWeightsOptions,
  like: string,
): Conversion {
  const model = openSafetensors(like);
  if (isOwn(model)) throw invalid('like', 'a file of PyTorch', like);
  const { report, matches } = fitWeights(weights, model.tensors, map);
  const source = new Map(matches.map((match) => [match.weight.from, match]));
  const fitted = report.fitted.map((weight) => ({ ...weight, dtype: file.tensors.get(weight.name)!.dtype }));
  return {
    report: { ...report, fitted },
    make() {
      const tensors = [...model.tensors].map(([name]) => {
        const match = source.get(name);
        if (!match) return [name, model.read(name)] as const;
        const { weight, order } = match;
        return [name, tensorOf(weight.name, weight.fromShape, valuesFor(file, weight, order), dtype)] as const;
      });
      return { tensors: new Map<string, NamedTensor>(tensors), metadata };
    },
  };
}

function valuesFor(file: TensorFile, { name }: FittedWeight, order: Order): Float32Array {
  const values = floatsOf(name, file.read(name));
  return isSameOrder(order) ? values : reorder(values, order, false);
}
