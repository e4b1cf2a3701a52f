import { createHash } from 'node:crypto';
import { invalid } from '../errors';
import { optional, record } from '../options/field';
import { Options } from '../options/options';
import { isArray } from '../options/values';
import { type Device, deviceOf } from '../runtime/device';
import type { TypedArray } from '../runtime/native';
import { cachedPlan } from '../runtime/planCache';
import { Tensor } from '../tensor/tensor';
import { type CompileOptions, compileFields, compileLowered, copyOfInputs, lowerFor, type RunInputs } from './compile';
import { Graph } from './graph';
import type { Lowered } from './lower';

/** Options of evaluate(). `autotune` is false by default here. */
export interface EvaluateOptions extends CompileOptions {
  /** Values of the tensors made by input(), by name; default none. */
  inputs?: RunInputs;
}

const evaluateOptions = new Options<EvaluateOptions>('evaluate()', {
  ...compileFields,
  inputs: optional(record<RunInputs>('an object of arrays by name')),
});

/**
 * Computes a tensor, or several of one State, and returns the values, row-major. It compiles a plan, which it keeps for later
 * calls with an equal expression (the last 32 plans are kept). Parameters, optimizer and counter of a State are read but
 * never written. The gradient arena is overwritten if a tensor depends on the gradients of an optimizer update
 * (gradientNorm).
 * @throws ERR_INVALID_ARGUMENT for something that is not a Tensor, such as an update node, or for missing, unknown or wrong
 * inputs; and what compile() throws
 */
export async function evaluate(tensor: Tensor, options?: EvaluateOptions): Promise<TypedArray>;
/** Computes several tensors in one plan, and returns their values in the same order. @throws as for one tensor */
export async function evaluate(tensors: readonly Tensor[], options?: EvaluateOptions): Promise<TypedArray[]>;
export async function evaluate(
  tensors: Tensor | readonly Tensor[],
  given: EvaluateOptions = {},
): Promise<TypedArray | TypedArray[]> {
  const { inputs = {}, device: where, ...options } = evaluateOptions.check(given);
  const list = tensorsOf(isArray(tensors) ? tensors : [tensors as Tensor]);
  const values = copyOfInputs(inputs);
  const device = deviceOf(where);
  const graph = Graph.from({ outputs: Object.fromEntries(list.map((tensor, index) => [String(index), tensor])) });
  // Timing candidates would take longer than most evaluations.
  const lowered = lowerFor(device, graph, { autotune: false, ...options });
  const owners = [device, lowered.state];
  const plan = await cachedPlan(hash(lowered, device), owners, () => compileLowered(lowered, device));
  const { outputs } = await plan.run(values);
  const results = list.map((_, index) => outputs[String(index)] as TypedArray);
  return isArray(tensors) ? results : (results[0] as TypedArray);
}

/** Returns a copy of an array of Tensors. @throws ERR_INVALID_ARGUMENT for the first element that is none, also for a hole */
function tensorsOf(tensors: readonly Tensor[]): readonly Tensor[] {
  const list: Tensor[] = [];
  for (const tensor of tensors) {
    if (!(tensor instanceof Tensor))
      throw invalid('tensors', 'Tensors (evaluate never writes parameters, optimizer or counter)', tensor);
    list.push(tensor);
  }
  return list;
}

const identities = new WeakMap<object, number>();
let nextIdentity = 0;

function identity(object: object | null): number {
  if (!object) return -1;
  const known = identities.get(object) ?? nextIdentity++;
  identities.set(object, known);
  return known;
}

/** Returns a key that is equal for plans that compute the same, constants included, on the same device and State. */
function hash({ description, state }: Lowered, device: Device): string {
  const sum = createHash('sha256').update(`${identity(device)} ${identity(state)}`);
  sum.update(JSON.stringify(description, (key, value) => (key === 'data' || key === 'attributes' ? undefined : value)));
  for (const { attributes } of description.nodes) sum.update(attributes);
  for (const { data } of description.tensors) {
    if (data) sum.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return sum.digest('hex');
}
