/** Targets and weights of images: what a network is to compute beside classes, and how much each image counts. */
import { types } from 'node:util';
import { invalid } from '../errors';
import { custom, type Field } from '../options/field';

/** What a network is to compute for each image: numbers, several labels (0 and 1), or the probabilities of the classes. */
export interface Targets {
  /** The numbers, [count, width], row-major. */
  readonly values: Float32Array;
  /** Numbers per image: the outputs of the network. */
  readonly width: number;
}

/** The parts of an ImageSource that say what its images are worth in training, beside their labels. */
export interface RowValues {
  readonly targets?: Targets | null;
  readonly weights?: Float32Array | null;
}

const isTargets = (value: unknown): value is Targets => {
  const { values, width } = (value ?? {}) as Partial<Targets>;
  return types.isFloat32Array(values) && Number.isInteger(width) && (width as number) >= 1;
};

/** Accepts targets; checkRowValues() checks their numbers. */
export const targetsField: Field<Targets> = custom(
  'an object { values: a Float32Array [count, width], width: an integer of at least 1 }',
  isTargets,
);

/**
 * Checks that there are targets and weights for every image, if there are any, and that they are finite numbers; weights are at least 0.
 * @param what names the source in messages: " of train"; default: nothing
 * @throws ERR_INVALID_ARGUMENT, naming the first number that is wrong
 */
export function checkRowValues({ targets, weights }: RowValues, count: number, what = ''): void {
  if (targets) {
    if (!isTargets(targets)) throw invalid(`targets${what}`, targetsField.expected, targets);
    const { values, width } = targets;
    if (values.length !== count * width)
      throw invalid(`targets.values${what}`, `${count * width} numbers (${width} for each image)`, values.length);
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw invalid(`targets.values[${wrong}]${what}`, 'a finite number', values[wrong]);
  }
  if (weights) {
    if (!types.isFloat32Array(weights)) throw invalid(`weights${what}`, 'a Float32Array', weights);
    if (weights.length !== count) throw invalid(`weights${what}`, `${count} numbers, one per image`, weights.length);
    const wrong = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
    if (wrong >= 0) throw invalid(`weights[${wrong}]${what}`, 'a finite number of at least 0', weights[wrong]);
  }
}

/** Returns targets and weights of the images of `indices`, in that order, as copies; null where there are none. */
export function rowValuesOf({ targets, weights }: RowValues, indices: Int32Array): Required<RowValues> {
  return {
    targets: targets ? { values: targetsOf(targets, indices), width: targets.width } : null,
    weights: weights ? Float32Array.from(indices, (index) => weights[index]!) : null,
  };
}

/** Returns the targets of the images of `indices`, in that order: [indices.length, width]. */
export function targetsOf({ values, width }: Targets, indices: Int32Array): Float32Array {
  const rows = new Float32Array(indices.length * width);
  indices.forEach((index, row) => {
    rows.set(values.subarray(index * width, (index + 1) * width), row * width);
  });
  return rows;
}

/**
 * Returns targets and weights of several sources, one after the other.
 * @param names the sources in messages
 * @throws ERR_INVALID_ARGUMENT if only some of them have them, or the widths differ
 */
export function joinedRowValues(parts: readonly RowValues[], names: readonly string[]): Required<RowValues> {
  const joined = (arrays: readonly Float32Array[]): Float32Array => {
    const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
    let first = 0;
    for (const array of arrays) {
      all.set(array, first);
      first += array.length;
    }
    return all;
  };
  const [{ targets: model = null, weights: some = null } = {}] = parts;
  parts.forEach(({ targets, weights }, index) => {
    const [width, expected] = [targets?.width ?? 'none', model?.width ?? 'none'];
    if (width !== expected)
      throw invalid(`width of the targets of ${names[index]}`, `that of the first, ${expected},`, width);
    if (!weights !== !some)
      throw invalid(
        `weights of ${names[index]}`,
        some ? 'weights, as the first has them,' : 'none, as the first has none,',
        weights,
      );
  });
  return {
    targets: model && { values: joined(parts.map(({ targets }) => targets!.values)), width: model.width },
    weights: some && joined(parts.map(({ weights }) => weights!)),
  };
}

/** Returns the index of the largest target of each image, of equal ones the first: its label, where targets are probabilities. */
export function labelsByTargets({ values, width }: Targets): Int32Array {
  return Int32Array.from({ length: values.length / width }, (_, row) => {
    let best = 0;
    for (let k = 1; k < width; k++) if (values[row * width + k]! > values[row * width + best]!) best = k;
    return best;
  });
}
