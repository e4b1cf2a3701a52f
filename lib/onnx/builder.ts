/** Collects the nodes and constants of an ONNX graph, and gives them names. */
import { SaturnnError } from '../errors';
import { fromHalves, toHalves } from '../files/halves';
import { dtypeOf } from '../runtime/dtypes';
import type { TypedArray } from '../runtime/native';
import { type AttributeProto, attributeTypes, elementTypes, type NodeProto, type TensorProto } from './messages';

/** The type in which a network computes. */
export type OnnxDType = 'f32' | 'f16';

/** The settings of a node: integers, lists of integers, and numbers that are written as floats. */
export type Attributes = Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>;

/** A graph that grows. Values are known by their names. */
export class OnnxGraph {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #taken = new Set<string>();
  readonly #constants = new Map<string, string>();

  /** @param dtype the type of the constants that are given as float32 numbers, unless they are said to be kept */
  constructor(readonly dtype: OnnxDType) {}

  /** Keeps a name for an input or output, so that nothing else gets it. */
  take(name: string): void {
    this.#taken.add(name);
  }

  /**
   * Adds a node with one output.
   * @param layer name of the layer that it belongs to: the node and its output are called "layer/Op"
   * @returns the name of the output
   */
  node(opType: string, inputs: readonly string[], layer: string, attributes: Attributes = {}): string {
    const name = this.#unused(`${layer}/${opType}`);
    this.nodes.push({ name, opType, input: inputs, output: [name], attribute: Object.entries(attributes).map(encode) });
    return name;
  }

  /**
   * Adds numbers. Float32 numbers become those of the graph's type.
   * @param name a name, to which a number is added if it is taken
   * @param kept whether float32 numbers stay float32 in every graph
   * @returns the name
   * @throws ERR_EXPORT if a number is too large for the graph's type
   */
  constant(name: string, shape: readonly number[], data: TypedArray, { kept = false } = {}): string {
    const unused = this.#unused(name);
    const own = dtypeOf(data);
    const dtype = own === 'f32' && !kept ? this.dtype : own;
    const stored = dtype === 'f16' ? halvesOf(name, data as Float32Array) : data;
    const rawData = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    this.initializers.push({ dims: shape, dataType: elementTypes[dtype], name: unused, rawData });
    return unused;
  }

  /** Adds a single number, or a few, in the graph's type; equal ones are there once. */
  numbers(...values: readonly number[]): string {
    const key = values.join();
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const made = this.constant(`number/${key}`, values.length === 1 ? [] : [values.length], Float32Array.from(values));
    this.#constants.set(key, made);
    return made;
  }

  /** Adds a list of integers, as inputs of nodes need it. */
  integers(name: string, values: readonly number[]): string {
    const unused = this.#unused(name);
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.initializers.push({ dims: [values.length], dataType: elementTypes.i64, name: unused, rawData: bytes });
    return unused;
  }

  /** Gives a value that a node has made another name, which was taken for it. */
  rename(value: string, name: string): void {
    const renamed = (one: string) => (one === value ? name : one);
    this.nodes.forEach((node, index) => {
      this.nodes[index] = { ...node, input: node.input.map(renamed), output: node.output.map(renamed) };
    });
  }

  #unused(wanted: string): string {
    let name = wanted;
    for (let number = 2; this.#taken.has(name); number++) name = `${wanted}_${number}`;
    this.take(name);
    return name;
  }
}

function encode([name, value]: [string, Attributes[string]]): AttributeProto {
  if (typeof value === 'number') return { name, i: value, type: attributeTypes.i };
  if (typeof value === 'string') return { name, s: value, type: attributeTypes.s };
  if ('float' in value) return { name, f: value.float, type: attributeTypes.f };
  return { name, ints: value, type: attributeTypes.ints };
}

/** Rounds float32 numbers to halves. @throws ERR_EXPORT if a finite number becomes infinite */
function halvesOf(name: string, values: Float32Array): Uint16Array {
  const halves = toHalves('F16', values);
  const rounded = fromHalves('F16', halves);
  const wrong = rounded.findIndex((value, index) => !Number.isFinite(value) && Number.isFinite(values[index]));
  if (wrong < 0) return halves;
  throw new SaturnnError('ERR_EXPORT', `"${name}" holds ${values[wrong]}, more than f16 can: export it as f32`);
}
