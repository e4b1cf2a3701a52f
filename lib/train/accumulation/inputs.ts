/** What the host gives to the parts of updates. An update is computed in equal parts, one native step each, of the rows of its batch. */
import type { RunInputs } from '../../compile/compile';
import type { Batches } from '../../data/loader';

/**
 * Returns the inputs of the native steps of consecutive updates that do not depend on the images: learningRate, and with several parts
 * those of partTensors().
 * @param how number of parts, and seed; `draws`: whether the network has layers that make random numbers, and so the input partCounter
 * @param step number of the first update, from 0
 * @param rates the learning rate of each update
 */
export function updateInputs(
  how: { readonly parts: number; readonly seed: number; readonly draws: boolean },
  step: number,
  rates: readonly number[],
): RunInputs {
  const { parts, seed, draws } = how;
  if (parts === 1) return { learningRate: Float32Array.from(rates) };
  const steps = rates.length * parts;
  const of = <T>(make: (update: number, part: number) => T) =>
    Array.from({ length: steps }, (_, index) => make(Math.floor(index / parts), index % parts));
  return {
    learningRate: Float32Array.from(of((update) => rates[update]!)),
    adds: Int32Array.from(of((_, part) => Number(part > 0))),
    waits: Int32Array.from(of((_, part) => Number(part < parts - 1))),
    ...(draws && { partCounter: Int32Array.from(of((update, part) => [seed, (step + update) * parts + part]).flat()) }),
  };
}

/**
 * Returns a factor on the weight of every row: the share of its part among the rows of its update that count. The loss of a part is a mean
 * over its own rows, so the sum over the parts is then the mean over all rows. 1 for all if there is one part.
 */
export function partShares({ steps, rows, labels }: Pick<Batches, 'steps' | 'rows' | 'labels'>, parts: number) {
  if (parts === 1) return () => 1;
  const batch = labels.length / steps;
  const size = batch / parts;
  return (row: number): number => {
    const counted = rows[Math.floor(row / batch)]!;
    const first = Math.floor((row % batch) / size) * size;
    return Math.min(Math.max(counted - first, 0), size) / counted;
  };
}
