import type { StepResults } from '../../compile/compile';
import type { Batches } from '../../data/loader';
import type { TypedArray } from '../../runtime/native';
import { meansOfRows } from '../checkpoint/tally';
import { partShares } from './inputs';

/** Outputs of a training step that are sums over the images: those of an update are the sums over its parts. */
const summed: readonly string[] = ['loss', 'correct'];
/** Outputs that are means over the rows of a part: each part has its share of them. */
const means: readonly string[] = meansOfRows;

/**
 * Returns the results of updates with these batches, of each of which `parts` native steps have computed a part. Outputs that are no sums, such as the norm of
 * the gradient, are those of the last part. Outputs of an update whose gate closed are included, as the last.
 */
export function joinParts(results: StepResults, parts: number, batches: Batches): StepResults {
  if (parts === 1) return results;
  const { steps, finite, outputs } = results;
  const size = batches.labels.length / batches.steps / parts;
  const shareOf = partShares(batches, parts);
  const join = (name: string, values: TypedArray) =>
    joinOutput(
      means.includes(name) ? values.map((value, step) => value * shareOf(step * size)) : values,
      parts,
      [...summed, ...means].includes(name),
    );
  const joined = Object.entries(outputs).map(([name, values]) => [name, join(name, values)] as const);
  return { steps: Math.floor(steps / parts), finite, outputs: Object.fromEntries(joined) };
}

/** Joins an output of one number per native step. */
function joinOutput(values: TypedArray, parts: number, isSum: boolean): Float32Array {
  return Float32Array.from({ length: Math.ceil(values.length / parts) }, (_, update) => {
    const own = (values as Float32Array).subarray(update * parts, (update + 1) * parts);
    return isSum ? own.reduce((sum, value) => sum + value, 0) : own.at(-1)!;
  });
}
