/**
 * The conformance check: runs one case on one device and compares the results with the float64 references. Imports no test
 * framework, because the same checks run inside the offline bundle (bench/gpu-check.ts).
 */
import { compile, type Plan } from '../lib/compile/compile';
import type { Graph } from '../lib/compile/graph';
import { defaultPasses, type Pass } from '../lib/compile/optimize';
import type { Device, Precision } from '../lib/runtime/device';
import { bytesPerElement } from '../lib/runtime/dtypes';
import type { Tensor } from '../lib/tensor/tensor';
import type { Arenas, Case, Problem } from './cases/problem';
import { roundTo } from './halves';
import { TestRandom, testSeed } from './random';
import { type Expectation, type Expected, expectation, stateWrites } from './reference/expectation';
import type { Read } from './reference/interpret';
import { compare, describeComparison } from './tolerance';

/** Passes with which a graph is compiled: "plain" is without any, "fused" with the default passes. */
export type Mode = 'plain' | 'fused';
export const modes: readonly Mode[] = ['plain', 'fused'];

const passesOf: Readonly<Record<Mode, readonly Pass[]>> = { plain: [], fused: defaultPasses };

/**
 * Smallest allowed relative distance of a computed value to a discontinuity (such as the kink of relu). Inputs that come
 * nearer are drawn again, because rounding could take the device to the other side.
 */
const smallestMargin: Readonly<Record<Precision, number>> = {
  f32: 1e-5,
  tf32: 0.01,
  bf16: 0.05,
  fp16: 0.01,
};

export interface CheckOptions {
  readonly device: Device;
  readonly mode: Mode;
  readonly seed?: number;
  readonly precision?: Precision;
  /**
   * Whether to check a replayed step, on backends that capture steps as graphs. Default false: the step is launched kernel by
   * kernel, and memory is filled with NaN before it.
   */
  readonly replayed?: boolean;
  /** The option of compile(); default true. */
  readonly autotune?: boolean;
}

export interface CheckResult {
  /** Largest error divided by the allowed error; at most 1. */
  readonly ratio: number;
  readonly implementations: readonly string[];
}

/** Checks a case. @throws Error that names case, device, mode, the worst elements and the seed to repeat it with */
export async function checkOp(testCase: Case, options: CheckOptions): Promise<CheckResult> {
  const { device, mode, seed = testSeed, precision = 'f32', replayed = false, autotune = true } = options;
  const { problem, expected } = prepare(testCase, seed, precision);
  try {
    return await runAndCompare(problem, expected, { device, mode, precision, replayed, autotune });
  } catch (error) {
    const { message } = error as Error;
    const where = `${testCase.name} on ${device.name}, ${precision}, ${mode}${replayed ? ', replayed' : ''}`;
    throw new Error(`${where}: ${message}\nRepeat with SATURNN_TEST_SEED=${seed}`, { cause: error });
  }
}

const expectations = new WeakMap<
  Case,
  { seed: number; precision: Precision; skipped: number; expected: Expectation }
>();

/**
 * Builds the graph of a case with its inputs, and the expected results. Keeps the last expectation of each case, because
 * modes and devices share it. Equal arguments give equal inputs.
 */
export function prepare(
  testCase: Case,
  seed: number,
  precision: Precision,
): { problem: Problem; expected: Expectation } {
  const known = expectations.get(testCase);
  if (known?.seed === seed && known.precision === precision) {
    const problem = testCase.build(new TestRandom(seed, known.skipped));
    roundImages(problem, precision);
    return { problem, expected: known.expected };
  }
  for (let skipped = 0; skipped < 100; skipped++) {
    const random = new TestRandom(seed, skipped);
    const problem = testCase.build(random);
    roundImages(problem, precision);
    const expected = expectation(problem.graph, readerOf(problem), {
      ...{ precision, random: random.uniform, smallestMargin: smallestMargin[precision] },
    });
    if (!expected) continue;
    expectations.set(testCase, { seed, precision, skipped, expected });
    return { problem, expected };
  }
  throw new Error(`${testCase.name}: all drawn inputs come too near to a discontinuity; make the case smaller`);
}

/**
 * Rounds the images among the inputs to halves, as the plan does, so that references and device begin with the same
 * numbers.
 */
function roundImages({ graph, inputs }: Problem, precision: Precision): void {
  if (precision !== 'bf16' && precision !== 'fp16') return;
  for (const { source, outputs } of graph.nodes) {
    if (source?.kind !== 'input' || !outputs.some(isF32Image)) continue;
    const values = inputs[source.name];
    values?.forEach((value, i) => {
      values[i] = roundTo(precision, value);
    });
  }
}

const isF32Image = ({ image, dtype }: Tensor): boolean => image && dtype === 'f32';

const graphs = new WeakMap<Case, Graph>();

/** Returns the graph of a case, before any pass. Keeps it, because to draw the inputs of all cases takes seconds. */
export function graphOf(testCase: Case): Graph {
  const graph = graphs.get(testCase) ?? testCase.build(new TestRandom(testSeed)).graph;
  graphs.set(testCase, graph);
  return graph;
}

/** Whether a case has f32 images: without them, the other precisions compute the same as f32. */
export const hasImages = (testCase: Case): boolean =>
  graphOf(testCase).nodes.some(({ outputs }) => outputs.some(isF32Image));

/** Returns a function that reads the values of a problem's inputs and State tensors. */
export function readerOf({ inputs, state }: Problem): Read {
  return (tensor) => {
    const { source } = tensor.node;
    if (source?.kind === 'input') {
      const values = inputs[source.name];
      if (values) return values;
    } else if (state) {
      const { arena, begin } = placeOf(tensor);
      const values = state.arenas[arena];
      if (values) return values.subarray(begin, begin + tensor.size);
    }
    throw new Error(`The problem has no values for "${tensor.node.name}".`);
  };
}

type StateArena = keyof Arenas;

/** Returns the arena in which a State's tensor lies, and the index of its first element there. */
function placeOf(tensor: Tensor): { arena: StateArena; begin: number } {
  const { source } = tensor.node;
  if (source?.kind !== 'state') throw new Error(`"${tensor.node.name}" is no tensor of a State`);
  return { arena: source.arena, begin: source.byteOffset / bytesPerElement(tensor.dtype) };
}

async function runAndCompare(
  problem: Problem,
  expected: Expectation,
  { device, mode, precision, replayed, autotune }: Required<Omit<CheckOptions, 'seed'>>,
) {
  const how = { ...(mode === 'plain' && { passes: passesOf.plain }), autotune, poison: !replayed, replay: replayed };
  const plan = await compile(problem.graph, { device, precision, ...how });
  try {
    const implementations = plan.kernels.map(({ op, implementation }) => `${op}: ${implementation}`);
    const slow = implementations.filter((name) => isReference(name));
    if (slow.length > 0)
      throw new Error(`reference implementations are hundreds of times too slow: ${slow.join(', ')}`);
    const compared = problem.state
      ? await compareUpdates(plan, problem, expected, replayed)
      : compareOutputs(await runTwice(plan, problem), expected.outputs);
    return { ratio: Math.max(0, ...compared), implementations };
  } finally {
    plan.dispose();
    problem.state?.state.dispose();
  }
}

/** Whether a kernel is one of oneDNN's reference implementations, e.g. "ref:any". */
export const isReference = (implementation: string): boolean => /\bref\b/.test(implementation);

/**
 * Runs two steps with the same inputs and checks that they give the same bits. The second is replayed if the backend
 * captures steps.
 * @returns the outputs of one step
 */
async function runTwice(plan: Plan, { inputs, graph }: Problem): Promise<Record<string, ArrayLike<number>>> {
  const { outputs } = await plan.run(inputs, { steps: 2 });
  return Object.fromEntries(
    Object.entries(outputs).map(([name, both]) => {
      const size = graph.outputs[name]?.size ?? 0;
      const first = both.subarray(0, size);
      const second = both.subarray(size);
      const changed = first.findIndex((value, i) => !Object.is(value, second[i]));
      if (changed >= 0) throw new Error(`output "${name}" [${changed}] is ${first[changed]}, then ${second[changed]}`);
      return [name, first];
    }),
  );
}

async function compareUpdates(
  plan: Plan,
  { graph, inputs, state }: Problem,
  expected: Expectation,
  replayed: boolean,
): Promise<number[]> {
  if (!state) throw new Error('A problem with updates needs a State.');
  const run = async () => {
    for (const [arena, values] of Object.entries(state.arenas)) {
      await state.state.writeArena(
        arena as StateArena,
        new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      );
    }
    return plan.run(inputs);
  };
  // The first step of a plan is never replayed.
  if (replayed) await run();
  const { outputs } = await run();
  const ratios = compareOutputs(outputs, expected.outputs);
  for (const [index, tensor] of stateWrites(graph).entries()) {
    const { arena, begin } = placeOf(tensor);
    const bytes = (await state.state.readArena(arena)).slice().buffer;
    const all = tensor.dtype === 'f32' ? new Float32Array(bytes) : new Int32Array(bytes);
    const values = all.subarray(begin, begin + tensor.size);
    ratios.push(compareOne(`${arena} after the update`, values, expected.writes[index] as Expected));
  }
  return ratios;
}

function compareOutputs(
  outputs: Readonly<Record<string, ArrayLike<number>>>,
  expected: Readonly<Record<string, Expected>>,
): number[] {
  return Object.entries(expected).map(([name, want]) => compareOne(`output "${name}"`, outputs[name] ?? [], want));
}

function compareOne(what: string, got: ArrayLike<number>, { values, allowed, spreadsNaN }: Expected): number {
  const comparison = compare(got, values.data, allowed, { spreadsNaNIn: spreadsNaN ? values.shape : null });
  if (comparison.wrong > 0) throw new Error(`${what} [${values.shape}]: ${describeComparison(comparison)}`);
  return comparison.ratio;
}
