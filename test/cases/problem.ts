/** Cases of the conformance suite: each is a small graph, made by functions of lib, with new random inputs. */
import { Graph } from '../../lib/compile/graph';
import type { Arena, TypedArray } from '../../lib/runtime/native';
import { Parameter, State } from '../../lib/tensor/state';
import { input, type Node, sizeOf, type Tensor } from '../../lib/tensor/tensor';
import type { TestRandom } from '../random';
import { type Fill, gaussian } from './fills';

/** A case with its inputs drawn. */
export interface Problem {
  /** The graph before any pass. */
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, TypedArray>>;
  /** The State that the graph binds to, and the content of its arenas before the step. */
  readonly state: { readonly state: State; readonly arenas: Arenas } | null;
}

/** The content of a State's arenas. The graph of a case must not read an absent one. */
export type Arenas = Readonly<Partial<Record<Arena, Float32Array | Int32Array>>>;

export interface Case {
  readonly name: string;
  /** Names of the ops (lib/ops/index.ts) that this case tests. */
  readonly covers: readonly string[];
  readonly build: (random: TestRandom) => Problem;
}

/** Problems for the check of gradients: each returns the output of one op. A name is that of the op, and maybe a variant: "conv2d 1x1". */
export type GradientProblems = Readonly<Record<string, (b: Builder) => Tensor>>;

export interface StateParts {
  readonly state: State;
  readonly arenas: Arenas;
  readonly updates: readonly Node[];
  readonly gate: Tensor | null;
}

/** Makes the inputs of a problem, in the graph and as values. */
export class Builder {
  readonly inputs: Record<string, TypedArray> = {};

  constructor(readonly random: TestRandom) {}

  /** Adds an f32 input; it is an image if it has four dimensions. */
  f32(name: string, shape: readonly number[], fill: Fill = gaussian): Tensor {
    this.inputs[name] = fill(this.random, sizeOf(shape));
    return input(name, shape);
  }

  /** Adds an f32 input of any rank that is not an image: weights, vectors. */
  plain(name: string, shape: readonly number[], fill: Fill = gaussian): Tensor {
    this.inputs[name] = fill(this.random, sizeOf(shape));
    return input(name, shape, { image: false });
  }

  i32(name: string, values: readonly number[]): Tensor {
    this.inputs[name] = Int32Array.from(values);
    return input(name, [values.length], { dtype: 'i32' });
  }

  u8(name: string, shape: readonly number[]): Tensor {
    const values = new Uint8Array(sizeOf(shape));
    for (let i = 0; i < values.length; i++) values[i] = this.random.integer(256);
    this.inputs[name] = values;
    return input(name, shape, { dtype: 'u8' });
  }

  /** Adds an i32 input of `count` random labels; `others` replaces those of some rows. */
  labels(name: string, count: number, classes: number, others: Readonly<Record<number, number>> = {}): Tensor {
    return this.i32(
      name,
      Array.from({ length: count }, (_, n) => others[n] ?? this.random.integer(classes)),
    );
  }
}

/** Makes a case without a State. `build` returns the outputs to compare, by name. */
export function graphCase(
  name: string,
  covers: readonly string[],
  build: (builder: Builder) => Readonly<Record<string, Tensor>>,
): Case {
  return {
    name,
    covers,
    build(random) {
      const builder = new Builder(random);
      const outputs = build(builder);
      return problem(Graph.from({ outputs }), builder, null);
    },
  };
}

/** Makes a case whose updates write a State. Everything that they write is compared, and the outputs. */
export function stateCase(
  name: string,
  covers: readonly string[],
  build: (builder: Builder) => StateParts & { readonly outputs?: Readonly<Record<string, Tensor>> },
): Case {
  return {
    name,
    covers,
    build(random) {
      const builder = new Builder(random);
      const { state, arenas, updates, gate, outputs = {} } = build(builder);
      return problem(Graph.from({ outputs, updates, gate }), builder, { state, arenas });
    },
  };
}

/** Leaves out the inputs that the graph does not read: a gradient need not read all inputs of the forward pass. */
function problem(graph: Graph, { inputs }: Builder, state: Problem['state']): Problem {
  const read = new Set(graph.nodes.flatMap(({ source }) => (source?.kind === 'input' ? [source.name] : [])));
  return { graph, inputs: Object.fromEntries(Object.entries(inputs).filter(([name]) => read.has(name))), state };
}

export interface StateSize {
  /** Optimizer slots. */
  readonly slots: number;
  /** Last dimension of the largest parameter. */
  readonly size: number;
}

/** Makes a State with gaps between its parameters, of which some decay and others do not. */
export function makeState({ slots = 1, size = 5 }: Partial<StateSize> = {}): State {
  const make = (name: string, shape: readonly number[], decay: boolean) =>
    new Parameter({ name, shape, decay, initialize: () => new Float32Array(shape.reduce((a, b) => a * b, 1)) });
  const parameters = [
    make('a', [7, 3], true),
    make('b', [33], false),
    make('c', [2, 3, 3, size], true),
    make('d', [1], false),
  ];
  return new State(parameters, { optimizerSlots: slots });
}
