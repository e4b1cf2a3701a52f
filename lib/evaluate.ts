import { createHash } from 'node:crypto';
import { type CompileOptions, compileLowered, type Plan, type RunInputs } from './compile';
import { Device, openDevice } from './device';
import { invalid } from './errors';
import { Graph } from './graph/graph';
import { type Lowered, lower } from './graph/lower';
import { defaultPasses, optimize } from './graph/optimize';
import type { TypedArray } from './native';
import { Tensor } from './tensor';

export interface EvaluateOptions extends CompileOptions {
  inputs?: RunInputs;
}

/** Compiled plans of recent calls: a loop over the same expression compiles once. */
const cache = new Map<string, Promise<Plan>>();
const most = 32;

/**
 * Computes tensors now. Reads state and never writes it: a node that writes state is no Tensor and is refused.
 * @throws ERR_INVALID_ARGUMENT
 */
export async function evaluate(tensor: Tensor, options?: EvaluateOptions): Promise<TypedArray>;
export async function evaluate(tensors: readonly Tensor[], options?: EvaluateOptions): Promise<TypedArray[]>;
export async function evaluate(
  tensors: Tensor | readonly Tensor[],
  { inputs = {}, device: where = 'auto', passes = defaultPasses, poison = false }: EvaluateOptions = {},
): Promise<TypedArray | TypedArray[]> {
  const list = Array.isArray(tensors) ? (tensors as readonly Tensor[]) : [tensors as Tensor];
  for (const tensor of list) {
    if (!(tensor instanceof Tensor))
      throw invalid('tensors', 'Tensors (evaluate reads state and never writes it)', tensor);
  }
  const device = where instanceof Device ? where : openDevice(where);
  const graph = Graph.from({ outputs: Object.fromEntries(list.map((tensor, index) => [String(index), tensor])) });
  const lowered = lower(optimize(graph, passes), poison);
  const plan = await cachedPlan(lowered, device);
  const { outputs } = await plan.run(inputs);
  const values = list.map((_, index) => outputs[String(index)] as TypedArray);
  return Array.isArray(tensors) ? values : (values[0] as TypedArray);
}

function cachedPlan(lowered: Lowered, device: Device): Promise<Plan> {
  const key = hash(lowered, device);
  const known = cache.get(key);
  cache.delete(key);
  const plan = known ?? compileLowered(lowered, device);
  cache.set(key, plan);
  if (!known) plan.catch(() => cache.delete(key));
  for (const [oldest, old] of cache) {
    if (cache.size <= most) break;
    cache.delete(oldest);
    old.then((p) => p.dispose()).catch(() => {});
  }
  return plan;
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
