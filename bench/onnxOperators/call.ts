/** One node of a case, as the functions of operators/ see it: its inputs, its attributes, and a way to compute tensors. */
import { type Device, evaluate, input, type RunInputs, type Tensor } from '../../lib';
import type { Arranged } from './arrange';
import { floatsOf, integersOf, type OnnxArray, type OnnxNode, type Values } from './case';
import { NotClaimed } from './reasons';

/** Computes the outputs of a node with saturnn's ops, in ONNX's arrangement. @throws NotClaimed for a node that they cannot express */
export type Operator = (call: Call) => Promise<Values[]>;

/** Functions by the names of ONNX's operators. */
export type Operators = Readonly<Record<string, Operator>>;

/** A result: the tensor, and what brings its values to ONNX's arrangement. */
export type Result = readonly [tensor: Tensor, back: (values: Values) => Values];

/** A node with the values that it reads. */
export class Call {
  readonly #feeds: Record<string, Float32Array | Int32Array> = {};
  #fed = 0;

  constructor(
    readonly node: OnnxNode,
    /** Version of the operators (opset) of the case; 0 if it has none of ONNX's main domain. */
    readonly version: number,
    /** The node's inputs; null for one that is absent or is no tensor of numbers. */
    readonly inputs: readonly (OnnxArray | null)[],
    readonly device: Device,
  ) {}

  /** Whether an optional input is there. */
  has(index: number): boolean {
    return Boolean(this.inputs[index]);
  }

  /** Returns an input's values. @throws NotClaimed for another type than f32, or no elements */
  floats(index: number): Values {
    const array = this.inputs[index];
    if (!array) throw new NotClaimed('dtype');
    return floatsOf(array);
  }

  /** Returns an optional input's values; null if it is absent. @throws NotClaimed as floats() */
  optional(index: number): Values | null {
    return this.has(index) ? this.floats(index) : null;
  }

  /** Returns all inputs' values. @throws NotClaimed as floats() */
  all(): Values[] {
    return this.inputs.map((_, index) => this.floats(index));
  }

  /** Returns the integers of an input, which must be known when a graph is made; null if it is absent. */
  integers(index: number): number[] | null {
    const array = this.inputs[index];
    return array ? integersOf(array) : null;
  }

  /** Returns a number among the attributes, or the default. */
  number(name: string, otherwise: number): number {
    const value = this.node.attributes[name];
    return typeof value === 'number' ? value : otherwise;
  }

  /** Returns a list of numbers among the attributes; null if it is absent. */
  numbers(name: string): number[] | null {
    const value = this.node.attributes[name];
    return Array.isArray(value) ? (value as number[]) : null;
  }

  /** Returns a text among the attributes, or the default. */
  text(name: string, otherwise: string): string {
    const value = this.node.attributes[name];
    return typeof value === 'string' ? value : otherwise;
  }

  /** Refuses a node with more outputs than its operator has here. @throws NotClaimed */
  giveAtMost(outputs: number): void {
    if (this.node.outputs.filter((name) => name !== '').length > outputs) throw new NotClaimed('outputs');
  }

  /** Makes an input of the graph that has these values: an image if they have four dimensions, unless `image` is false. */
  feed({ shape, data }: Values, options: { readonly image?: boolean } = {}): Tensor {
    const name = `input${this.#fed++}`;
    this.#feeds[name] = data;
    return input(name, shape, options);
  }

  /** Makes an input of integers. */
  feedIntegers(data: Int32Array): Tensor {
    const name = `input${this.#fed++}`;
    this.#feeds[name] = data;
    return input(name, [data.length], { dtype: 'i32' });
  }

  /** Makes an input of arranged values, and the way back. */
  feedArranged({ values, back }: Arranged): { readonly tensor: Tensor; readonly back: Arranged['back'] } {
    return { tensor: this.feed(values), back };
  }

  /** Compiles and computes tensors, and returns them in ONNX's arrangement. */
  async compute(results: readonly Result[]): Promise<Values[]> {
    this.giveAtMost(results.length);
    const inputs: RunInputs = this.#feeds;
    const computed = await evaluate(
      results.map(([tensor]) => tensor),
      { device: this.device, inputs },
    );
    return results.map(([{ shape }, back], index) => back({ shape, data: computed[index] as Float32Array }));
  }
}

/** Returns an operator that saturnn's ops cannot express in any case. */
export const withoutOp = (reason: ConstructorParameters<typeof NotClaimed>[0]): Operator => {
  return () => Promise.reject(new NotClaimed(reason));
};
