/** Where numbers of a step first stopped being finite. */
import { type CompileOptions, compile, type RunInputs } from '../compile';
import { SaturnnError } from '../errors';
import { Graph } from '../graph/graph';
import type { TypedArray } from '../native';
import type { Node, Tensor } from '../tensor';
import type { RunOfSteps } from './runner';

/** Elements of tensors that are looked at in one run: they must all be kept until its end. */
const elementsPerRun = 2 ** 24;

/**
 * The step's error. The State is as before that step, so the same step is computed again, without writing anything, to
 * find its first layer whose values are not finite.
 */
export async function nonFiniteError(
  step: number,
  graph: Graph,
  run: RunOfSteps,
  options: CompileOptions,
): Promise<SaturnnError> {
  const { steps, outputs } = run.result;
  const first = await firstNonFinite(graph, inputsOfStep(graph, run, steps), options);
  const where = first
    ? `The first values that are not finite are those of layer "${first.name}" (${first.op.name}). `
    : '';
  const found = `loss ${outputs.loss?.[steps]}, gradient norm ${outputs.gradientNorm?.[steps]}`;
  const message = `Training stopped at step ${step}: ${found}. ${where}The parameters are as before that step. A lower learning rate may help.`;
  return new SaturnnError('ERR_NON_FINITE', message);
}

/**
 * The first node in execution order with a value that is not finite, if the graph's step is computed now. Writes nothing.
 * The plan is plain, kernel by kernel, and made for some nodes at a time, as all of their values are kept.
 */
export async function firstNonFinite(graph: Graph, inputs: RunInputs, options: CompileOptions): Promise<Node | null> {
  const pending = graph.nodes
    .filter((node) => !node.op.isSource && !node.op.writesState)
    .flatMap((node) => node.outputs.filter(({ dtype }) => dtype === 'f32'));
  while (pending.length > 0) {
    const tensors: Tensor[] = [];
    for (let elements = 0; pending[0] && (tensors.length === 0 || elements < elementsPerRun); ) {
      elements += pending[0].size;
      tensors.push(pending.shift()!);
    }
    const values = await compute(tensors, inputs, options);
    const found = tensors.find((_, index) => !values[index]!.every(Number.isFinite));
    if (found) return found.node;
  }
  return null;
}

async function compute(tensors: readonly Tensor[], inputs: RunInputs, options: CompileOptions): Promise<TypedArray[]> {
  const graph = Graph.from({ outputs: Object.fromEntries(tensors.map((tensor, index) => [index, tensor])) });
  const needed = inputNames(graph);
  const plan = await compile(graph, { ...options, passes: [] });
  try {
    const given = Object.fromEntries(Object.entries(inputs).filter(([name]) => needed.has(name)));
    const { outputs } = await plan.run(given);
    return tensors.map((_, index) => outputs[index]!);
  } finally {
    plan.dispose();
  }
}

const inputNames = (graph: Graph): ReadonlyMap<string, Tensor> =>
  new Map(
    graph.nodes.flatMap(({ source, outputs: [tensor] }) =>
      source?.kind === 'input' && tensor ? [[source.name, tensor]] : [],
    ),
  );

/** What step number `step` of a run of several has been given. */
function inputsOfStep(graph: Graph, { inputs, batches }: RunOfSteps, step: number): RunInputs {
  const tensors = inputNames(graph);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => {
      const size = tensors.get(name)?.size ?? 0;
      const perStep = ArrayBuffer.isView(value) && batches.steps > 1 && value.length === size * batches.steps;
      return [name, perStep ? value.subarray(step * size, (step + 1) * size) : value];
    }),
  );
}
