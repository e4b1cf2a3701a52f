/** Runs ONNX's test cases through saturnn's ops, and compares what they compute with what ONNX expects. */
import type { Device } from '../../lib';
import { sizeOf } from './arrange';
import { Call } from './call';
import { type Cases, floatsOf, isWhole, type NamedCase, type OnnxArray, type OnnxCase, type Values } from './case';
import { operators } from './operators';
import { NotClaimed, type Reason } from './reasons';

/** What became of a case. */
export type Outcome =
  | { readonly result: 'passed'; readonly difference: number }
  | { readonly result: 'notClaimed'; readonly reason: Reason }
  | { readonly result: 'failed'; readonly message: string };

/** Returns what becomes of a case: every node is computed by a graph of its own. */
export async function runCase(named: NamedCase, read: Cases['read'], device: Device): Promise<Outcome> {
  if (!isWhole(named)) return { result: 'notClaimed', reason: 'operator' };
  try {
    let difference = 0;
    for (const { inputs, outputs } of named.sets) {
      const values = new Map<string, OnnxArray | null>();
      for (const [name, place] of Object.entries({ ...named.initializers, ...inputs })) values.set(name, read(place));
      await computeNodes(named, values, device);
      for (const [name, place] of Object.entries(outputs))
        difference = Math.max(difference, differenceOf(name, values.get(name), read(place), named));
    }
    return { result: 'passed', difference };
  } catch (error) {
    if (error instanceof NotClaimed) return { result: 'notClaimed', reason: error.reason };
    return { result: 'failed', message: (error as Error).message };
  }
}

/** Computes a case's nodes one after the other, and adds what they give to `values`. */
async function computeNodes({ nodes, version }: OnnxCase, values: Map<string, OnnxArray | null>, device: Device) {
  for (const node of nodes) {
    const inputs = node.inputs.map((name) => values.get(name) ?? null);
    const compute = operators[node.operator];
    if (!compute) throw new NotClaimed('operator');
    const results = await compute(new Call(node, version, inputs, device));
    node.outputs.forEach((name, index) => {
      const result = results[index];
      if (result) values.set(name, arrayOf(result));
    });
  }
}

function arrayOf({ shape, data }: Values): OnnxArray {
  if (sizeOf(shape) !== data.length) throw new RangeError(`${data.length} numbers for the shape [${shape}]`);
  const bytes = new Uint8Array(data.byteLength);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return { dtype: 'float32', shape, bytes };
}

/** Returns the largest difference, as a part of what is allowed. @throws Error above that, and for another shape */
export function differenceOf(
  name: string,
  computed: OnnxArray | null | undefined,
  expected: OnnxArray | null,
  { relative, absolute }: Pick<OnnxCase, 'relative' | 'absolute'>,
): number {
  if (!computed || !expected) throw new Error(`${name} was not computed`);
  const [own, theirs] = [floatsOf(computed), floatsOf(expected)];
  if (String(own.shape) !== String(theirs.shape))
    throw new Error(`${name} has the shape [${own.shape}], and [${theirs.shape}] is expected`);
  let largest = 0;
  theirs.data.forEach((value, index) => {
    const found = own.data[index]!;
    if (Object.is(found, value) || found === value) return;
    const part = Math.abs(found - value) / (absolute + relative * Math.abs(value));
    // NaN, where only one of them is NaN or infinite, is no number that may pass.
    if (!(part <= 1)) throw new Error(`${name}[${index}] is ${found}, and ${value} is expected`);
    largest = Math.max(largest, part);
  });
  return largest;
}
