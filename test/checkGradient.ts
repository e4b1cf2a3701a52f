/**
 * Checks lib's gradient rules by finite differences, both computed by the float64 references. For each input one number
 * is compared: the derivative of a random projection of the output along a random direction.
 */
import { Graph } from '../lib/compile/graph';
import type { Tensor } from '../lib/tensor/tensor';
import { Builder } from './cases/problem';
import { TestRandom } from './random';
import { interpret, type Read } from './reference/interpret';
import { need, type Values } from './reference/values';

export interface Differentiable {
  /** The output. The function to differentiate is its sum, weighted by `dy`. */
  readonly y: Tensor;
  /** Weights, of the shape of y; null if y is a scalar that is to be differentiated itself. */
  readonly dy: Tensor | null;
  /** Pairs of an input of the graph and its gradient according to lib. */
  readonly gradients: readonly (readonly [source: Tensor, gradient: Tensor])[];
}

/** Step of the central differences: keeps both their rounding error (1e-16 / step) and the third derivative's (step²) small. */
const step = 1e-5;
const tolerance = 1e-6;
/** Smallest allowed relative distance to a kink, so that a step does not cross it. Inputs that come nearer are drawn again. */
const smallestMargin = 5e-4;

/** Compares gradients with differences. @throws Error that names the input, both numbers and the seed */
export function checkGradient(build: (builder: Builder) => Differentiable, seed: number): void {
  for (let attempt = 0; attempt < 200; attempt++) {
    const random = new TestRandom(seed, attempt);
    const builder = new Builder(random);
    const problem = build(builder);
    const forward = Graph.from({ outputs: { y: problem.y } });
    const { margins } = interpret(forward, reader(builder), { margins: true });
    if (Math.min(...margins.values()) < smallestMargin) continue;
    compareDirections(problem, builder, random, seed);
    return;
  }
  throw new Error('All drawn inputs come too near to a kink; make the case smaller.');
}

function compareDirections(
  { y, dy, gradients }: Differentiable,
  builder: Builder,
  random: TestRandom,
  seed: number,
): void {
  const read = reader(builder);
  const forward = Graph.from({ outputs: { y } });
  const backward = Graph.from({ outputs: Object.fromEntries(gradients.map(([, tensor], i) => [String(i), tensor])) });
  const weights = dy ? Float64Array.from(read(dy)) : Float64Array.of(1);
  const projection = (from: Read): number => dot(need(interpret(forward, from).outputs.y), weights);
  const { outputs } = interpret(backward, read);
  gradients.forEach(([source], i) => {
    const direction = Float64Array.from({ length: source.size }, random.gaussian);
    const along =
      (distance: number): Read =>
      (tensor) => {
        const values = Float64Array.from(read(tensor));
        return tensor === source ? values.map((value, at) => value + distance * (direction[at] as number)) : values;
      };
    const expected = (projection(along(step)) - projection(along(-step))) / (2 * step);
    const found = dot(need(outputs[i]), direction);
    const size = Math.sqrt(need(outputs[i]).data.reduce((sum, g, at) => sum + (g * (direction[at] as number)) ** 2, 0));
    if (!(Math.abs(found - expected) <= tolerance * (size + Math.abs(expected)))) {
      const what = `gradient of "${source.node.name}" along a direction`;
      throw new Error(`${what}: lib says ${found}, differences say ${expected}\nRepeat with SATURNN_TEST_SEED=${seed}`);
    }
  });
}

const reader =
  ({ inputs }: Builder): Read =>
  ({ node }) =>
    inputs[node.name] ?? [];

const dot = ({ data }: Values, weights: ArrayLike<number>): number =>
  data.reduce((sum, value, i) => sum + value * (weights[i] ?? Number.NaN), 0);

/** Applies the gradient rule of the op that made `y`, for all its inputs that are f32, differentiable and not constant. */
export function ofOp(builder: Builder, y: Tensor): Differentiable {
  const { node } = y;
  const dy = y.image ? builder.f32('dy', y.shape) : builder.plain('dy', y.shape);
  const asked = node.inputs.map((tensor) => tensor?.dtype === 'f32' && tensor.node.source?.kind !== 'constant');
  const found = node.op.gradient?.(
    node,
    node.outputs.map((output) => (output === y ? dy : null)),
    asked,
  );
  if (!found) throw new Error(`${node.op.name} has no gradient`);
  const gradients = node.inputs.flatMap((source, i) => {
    const tensor = found[i];
    return source && tensor && asked[i] ? [[source, tensor] as const] : [];
  });
  return { y, dy, gradients };
}
