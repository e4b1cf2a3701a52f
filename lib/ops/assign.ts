import { applyNode, type Node, Tensor } from '../tensor';
import { copy } from './copy';
import { expectShape, expectTensor, type Op, shapeError } from './op';

/** target = value, after every read of the old value. gate i32 [1] or absent; target: a tensor of a State. */
export const assignOp: Op = {
  name: 'assign',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  writesState: [1],
  inferShape([gate, target, value]) {
    if (gate) expectShape('assign', 'gate', expectTensor('assign', 'gate', gate, { dtype: 'i32' }), [1]);
    const kind = target?.node.source?.kind;
    if (!target || (kind !== 'state' && kind !== 'parameter' && kind !== 'buffer')) {
      throw shapeError('assign', 'target', 'a parameter or another tensor of a State', target?.node.name ?? target);
    }
    const checked = expectTensor('assign', 'value', value, { dtype: target.dtype, image: false });
    expectShape('assign', 'value', checked, target.shape);
    return [];
  },
};

/** For Graph.from({updates}). @throws ERR_SHAPE */
export function assign(target: Tensor, value: Tensor, { gate = null }: { gate?: Tensor | null } = {}): Node {
  // A part of the State is read before any update writes it: a copy is no update, so it comes before all of them.
  const old = value instanceof Tensor && value.node.source ? copy(value) : value;
  return applyNode(assignOp, [gate, target, old]);
}
