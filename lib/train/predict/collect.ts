import type { RunInputs } from '../../compile/compile';
import { type Batches, DataLoader } from '../../data/loader';
import type { ImageSource } from '../../data/source';
import { SaturnnError } from '../../errors';
import type { Look, PredictionPlans } from './plans';

/** Options of collect(). */
interface CollectOptions {
  /** The graph to run. Default: the prediction. */
  readonly look?: Look;
  /** Returns the inputs of some batches beside images, indices and labels. Default: none. */
  readonly inputsOf?: (batches: Batches) => RunInputs;
  /** When it is aborted, collect() throws its reason after the native call under way. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a graph of a Predictor on all images of a source.
 * @param sizes the outputs to collect, each with its number of values per image
 * @returns the values of these outputs, image after image, in the order of the source
 * @throws ERR_OUT_OF_MEMORY naming an output that is too large for an array; ERR_DISPOSED; what compile throws
 */
export async function collect<Name extends string>(
  plans: PredictionPlans,
  source: ImageSource,
  sizes: Readonly<Record<Name, number>>,
  { look, inputsOf, signal }: CollectOptions = {},
): Promise<Record<Name, Float32Array>> {
  const { count } = source;
  const outputs = (Object.entries(sizes) as [Name, number][]).map(([name, size]) => ({
    ...{ name, size, values: allocate(name, count * size) },
  }));
  const batch = plans.batchFor(count);
  const loader = new DataLoader({ labels: new Int32Array(count), batch, shuffle: false });
  const runner = await plans.runner(source, batch, look);
  const runs = runner.run({
    ...{ epoch: loader.epoch(0), first: 0, last: loader.steps, signal },
    inputsOf: (_, batches) => inputsOf?.(batches) ?? {},
  });
  let row = 0;
  for await (const { result } of runs) {
    // The last batch may be filled up with masked rows, which are left out.
    const rows = Math.min(result.steps * batch, count - row);
    for (const { name, size, values } of outputs) {
      const made = result.outputs[name] as Float32Array;
      values.set(made.subarray(0, rows * size), row * size);
    }
    row += rows;
  }
  return Object.fromEntries(outputs.map(({ name, values }) => [name, values])) as Record<Name, Float32Array>;
}

function allocate(name: string, size: number): Float32Array {
  try {
    return new Float32Array(size);
  } catch (cause) {
    const message = `The values of output "${name}" of all images, ${4 * size} bytes, do not fit into an array`;
    throw new SaturnnError('ERR_OUT_OF_MEMORY', message, { cause });
  }
}
