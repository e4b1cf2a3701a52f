import type { StepResults } from '../../compile/compile';
import type { TypedArray } from '../../runtime/native';

/** Outputs of a training step that are sums over the images: those of an update are the sums over its parts. */
const summed: readonly string[] = ['loss', 'correct'];

/**
 * Returns the results of updates, of each of which `parts` native steps have computed a part. Outputs that are no sums, such as the norm of
 * the gradient, are those of the last part. Outputs of an update whose gate closed are included, as the last.
 */
export function joinParts(results: StepResults, parts: number): StepResults {
  if (parts === 1) return results;
  const { steps, finite, outputs } = results;
  const joined = Object.entries(outputs).map(([name, values]) => [name, joinOutput(name, values, parts)] as const);
  return { steps: Math.floor(steps / parts), finite, outputs: Object.fromEntries(joined) };
}

/** Joins an output of one number per native step. */
function joinOutput(name: string, values: TypedArray, parts: number): Float32Array {
  return Float32Array.from({ length: Math.ceil(values.length / parts) }, (_, update) => {
    const own = (values as Float32Array).subarray(update * parts, (update + 1) * parts);
    return summed.includes(name) ? own.reduce((sum, value) => sum + value, 0) : own.at(-1)!;
  });
}
