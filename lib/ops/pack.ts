import type { State } from '../state';
import { apply, type Tensor } from '../tensor';
import { expectTensor, first, type Op, shapeError } from './op';

const offsetsOf = (attributes: Readonly<Record<string, number>>, count: number): number[] =>
  Array.from({ length: count }, (_, index) => attributes[`offset${index}`] ?? 0);

/** Tensors one after the other in a flat buffer, each at its own first element: gradients in the State's arena. */
export const packOp: Op = {
  name: 'pack',
  attributes: [],
  encode: (node) => new Uint8Array(Int32Array.from(offsetsOf(node.attributes, node.inputs.length)).buffer),
  readsSlices: false,
  writesSlices: true,
  gathers: 'elements',
  inferShape(inputs, attributes) {
    const { size = 0 } = attributes;
    const offsets = offsetsOf(attributes, inputs.length);
    inputs.forEach((tensor, index) => {
      const end = (offsets[index] ?? 0) + expectTensor('pack', `input ${index}`, tensor, { image: false }).size;
      if (end > (offsets[index + 1] ?? size))
        throw shapeError('pack', `input ${index}`, 'elements that do not overlap', end);
    });
    return [{ dtype: 'f32', shape: [size], image: false }];
  },
};

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
