/**
 * Remembers what references have computed. The interpretations of one problem differ in few nodes: a pass changes some ops of a graph,
 * and a disturbed result changes only what depends on it. All other calls have the same inputs, bit for bit, and so the same results.
 */
import type { Call } from './rounding';
import type { Attributes, Shape, Values } from './values';

type Inputs = readonly (Values | null)[];

export class Memo {
  readonly #calls = new Map<string, Call[]>();
  #learns = true;

  /** Returns this memo, which from now on remembers nothing new. */
  asItIs(): this {
    this.#learns = false;
    return this;
  }

  /** Returns copies of the outputs for these inputs: remembered ones or, for new inputs, those that `compute` returns. */
  outputs(
    op: string,
    inputs: Inputs,
    attributes: Attributes,
    shapes: readonly Shape[],
    compute: () => Values[],
  ): Values[] {
    const sizes = [...shapes, ...inputs.map((values) => values?.shape)].join(';');
    const key = `${op} ${Object.entries(attributes).join()} ${sizes}`;
    const calls = this.#calls.get(key) ?? [];
    const known = calls.find((call) => call.inputs.every((values, i) => areEqual(values, inputs[i] ?? null)));
    if (known) return known.outputs.map(copy);
    const outputs = compute();
    if (this.#learns)
      this.#calls.set(key, [
        ...calls,
        { inputs: inputs.map((values) => values && copy(values)), attributes, outputs: outputs.map(copy) },
      ]);
    return outputs;
  }
}

const bytesOf = ({ data }: Values): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Whether two inputs have the same bits. Their shapes are equal. */
const areEqual = (a: Values | null, b: Values | null): boolean =>
  a === null || b === null ? a === b : Buffer.compare(bytesOf(a), bytesOf(b)) === 0;

const copy = ({ shape, data }: Values): Values => ({ shape, data: data.slice() });
