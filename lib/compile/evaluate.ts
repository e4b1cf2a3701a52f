import { createHash } from 'node:crypto';
import { invalid } from '../errors';
import { type Device, deviceOf } from '../runtime/device';
import type { TypedArray } from '../runtime/native';
import { Tensor } from '../tensor/tensor';
import { type CompileOptions, compileLowered, lowerFor, type RunInputs } from './compile';
import { Graph } from './graph';
import type { Lowered } from './lower';
import { cachedPlan } from './planCache';

export interface EvaluateOptions extends CompileOptions {
  inputs?: RunInputs;
}

/**
 * Computes tensors now. Parameters, optimizer and counter of a State are read and never written: a node that writes them is
 * no Tensor and is refused. The State's gradient arena is scratch: tensors that stand on the gradients of an optimizer
 * update (its gradientNorm) are computed there.
 * @throws ERR_INVALID_ARGUMENT
 */
export async function evaluate(tensor: Tensor, options?: EvaluateOptions): Promise<TypedArray>;
export async function evaluate(tensors: readonly Tensor[], options?: EvaluateOptions): Promise<TypedArray[]>;
export async function evaluate(
  tensors: Tensor | readonly Tensor[],
  { inputs = {}, device: where, ...options }: EvaluateOptions = {},
): Promise<TypedArray | TypedArray[]> {
  const list = Array.isArray(tensors) ? (tensors as readonly Tensor[]) : [tensors as Tensor];
  for (const tensor of list) {
    if (!(tensor instanceof Tensor))
      throw invalid('tensors', 'Tensors (evaluate never writes parameters, optimizer or counter)', tensor);
  }
  const device = deviceOf(where);
  const graph = Graph.from({ outputs: Object.fromEntries(list.map((tensor, index) => [String(index), tensor])) });
  // What is computed once is not worth timing candidates for.
  const lowered = lowerFor(device, graph, { autotune: false, ...options });
  const owners = { device, state: lowered.state };
  const plan = await cachedPlan(hash(lowered, device), owners, () => compileLowered(lowered, device));
  const { outputs } = await plan.run(inputs);
  const values = list.map((_, index) => outputs[String(index)] as TypedArray);
  return Array.isArray(tensors) ? values : (values[0] as TypedArray);
}

const identities = new WeakMap<object, number>();
let nextIdentity = 0;

function identity(object: object | null): number {
  if (!object) return -1;
  const known = identities.get(object) ?? nextIdentity++;
  identities.set(object, known);
  return known;
}

/** Equal for plans that compute the same on the same device and State, constants included. */
function hash({ description, state }: Lowered, device: Device): string {
  const sum = createHash('sha256').update(`${identity(device)} ${identity(state)}`);
  sum.update(JSON.stringify(description, (key, value) => (key === 'data' || key === 'attributes' ? undefined : value)));
  for (const { attributes } of description.nodes) sum.update(attributes);
  for (const { data } of description.tensors) {
    if (data) sum.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return sum.digest('hex');
}
