/** What one case of the conformance suite is: a small graph made by lib's functions, and fresh inputs for it. */
import { Graph } from '../../lib/compile/graph';
import type { Arena, TypedArray } from '../../lib/runtime/native';
import { State } from '../../lib/tensor/state';
import { input, type Node, Parameter, sizeOf, type Tensor } from '../../lib/tensor/tensor';
import type { TestRandom } from '../random';
import { type Fill, gaussian } from './fills';

export interface Problem {
  /** Before any pass. */
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, TypedArray>>;
  /** The State that the graph binds to, and what its arenas hold before the step. */
  readonly state: { readonly state: State; readonly arenas: Arenas } | null;
}

export type Arenas = Readonly<Partial<Record<Arena, Float32Array | Int32Array>>>;

export interface Case {
  readonly name: string;
  /** Ops of lib/ops/index.ts that this case is there for. */
  readonly covers: readonly string[];
  readonly build: (random: TestRandom) => Problem;
}

export interface StateParts {
  readonly state: State;
  readonly arenas: Arenas;
  readonly updates: readonly Node[];
  readonly gate: Tensor | null;
}

/** Makes a problem's inputs. */
export class Builder {
  readonly inputs: Record<string, TypedArray> = {};

  constructor(readonly random: TestRandom) {}

  /** An f32 input; with four dimensions an image. */
  f32(name: string, shape: readonly number[], fill: Fill = gaussian): Tensor {
    this.inputs[name] = fill(this.random, sizeOf(shape));
    return input(name, shape);
  }

  /** An f32 input of any rank that is no image: weights, vectors. */
  plain(name: string, shape: readonly number[], fill: Fill = gaussian): Tensor {
    this.inputs[name] = fill(this.random, sizeOf(shape));
    return input(name, shape, { image: false });
  }

  i32(name: string, values: readonly number[]): Tensor {
    this.inputs[name] = Int32Array.from(values);
    return input(name, [values.length], { dtype: 'i32' });
  }

  u8(name: string, shape: readonly number[]): Tensor {
    this.inputs[name] = Uint8Array.from({ length: sizeOf(shape) }, () => this.random.integer(256));
    return input(name, shape, { dtype: 'u8' });
  }

  /** Labels of `count` rows; `others` replaces some of them. */
  labels(name: string, count: number, classes: number, others: Readonly<Record<number, number>> = {}): Tensor {
    return this.i32(
      name,
      Array.from({ length: count }, (_, n) => others[n] ?? this.random.integer(classes)),
    );
  }
}

/** A case without state: `build` gives the outputs to compare, by name. */
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

/** A case whose updates write a State; all that they write is compared. */
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

/** Only what the graph reads: a gradient need not read everything that the forward pass did. */
function problem(graph: Graph, { inputs }: Builder, state: Problem['state']): Problem {
  const read = new Set(graph.nodes.flatMap(({ source }) => (source?.kind === 'input' ? [source.name] : [])));
  return { graph, inputs: Object.fromEntries(Object.entries(inputs).filter(([name]) => read.has(name))), state };
}

export interface StateSize {
  readonly slots: number;
  /** Of the last dimension of the largest parameter. */
  readonly size: number;
}

/** A State whose parameters do not fill their places, decayed ones and others. */
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
