import type { State } from '../state';
import { apply, sizeOf, type Tensor } from '../tensor';
import { dimension, expectShape, expectTensor, first, type Op, shapeError } from './op';

const offsetsOf = (attributes: Readonly<Record<string, number>>, count: number): number[] =>
  Array.from({ length: count }, (_, index) => attributes[`offset${index}`] ?? 0);

/**
 * Tensors one after the other in a flat buffer, each at its own first element: gradients in the State's arena. With
 * attribute `joined` without gaps, and the output has their shape but for the first dimension, which is the sum of theirs;
 * with attribute `rows` the output is a matrix of so many rows.
 */
export const packOp: Op = {
  name: 'pack',
  attributes: [],
  encode: (node) => new Uint8Array(Int32Array.from(offsetsOf(node.attributes, node.inputs.length)).buffer),
  readsSlices: false,
  writesSlices: true,
  gathers: 'elements',
  inferShape(inputs, attributes) {
    const { size = 0, rows = 0 } = attributes;
    const offsets = offsetsOf(attributes, inputs.length);
    inputs.forEach((tensor, index) => {
      const end = (offsets[index] ?? 0) + expectTensor('pack', `input ${index}`, tensor, { image: false }).size;
      if (end > (offsets[index + 1] ?? size))
        throw shapeError('pack', `input ${index}`, 'elements that do not overlap', end);
    });
    if (attributes.joined) return [{ dtype: 'f32', shape: joinedShape(inputs), image: false }];
    return [{ dtype: 'f32', shape: rows > 0 ? [rows, size / rows] : [size], image: false }];
  },
};

function joinedShape(inputs: readonly (Tensor | null)[]): number[] {
  const [, ...row] = expectTensor('pack', 'input 0', inputs[0], {}).shape;
  const counts = inputs.map((tensor, index) => {
    const checked = expectTensor('pack', `input ${index}`, tensor, {});
    const count = dimension(checked.shape, 0);
    expectShape('pack', `input ${index}`, checked, [count, ...row]);
    return count;
  });
  return [counts.reduce((sum, count) => sum + count, 0), ...row];
}

/** Tensors that differ in their first dimension at most, joined along it: [R_i, ...] -> [ΣR_i, ...]. @throws ERR_SHAPE */
export function joinRows(tensors: readonly Tensor[], name?: string): Tensor {
  const attributes: Record<string, number> = { joined: 1 };
  let size = 0;
  tensors.forEach((tensor, index) => {
    attributes[`offset${index}`] = size;
    size += sizeOf(tensor.shape);
  });
  return first(apply(packOp, tensors, { ...attributes, size }, name));
}

/** The gradients of all of a State's parameters, in its order, as one vector [state.size] in its gradient arena. */
export function packGradients(state: State, gradients: readonly Tensor[]): Tensor {
  const attributes: Record<string, number> = { size: state.size };
  state.parameters.forEach((parameter, index) => {
    attributes[`offset${index}`] = state.offsetOf(parameter);
  });
  return first(
    apply(packOp, gradients, attributes, 'gradients', { kind: 'state', state, arena: 'gradients', byteOffset: 0 }),
  );
}
