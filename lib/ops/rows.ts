import { apply, type Tensor } from '../tensor';
import { dimension, expectTensor, first, type Op, shapeError } from './op';

/**
 * Some rows (first dimension) of weights or of a vector: x [R, ...] -> y [count, ...], from row `firstRow`. What joinRows()
 * has put together comes apart with it. Pass concatViews makes it free.
 */
export const rowsOp: Op = {
  name: 'rows',
  attributes: [['firstRow', 'i32']],
  readsSlices: false,
  writesSlices: true,
  isView: 'elements',
  inferShape([x], { firstRow = 0, count = 0 }) {
    const whole = expectTensor('rows', 'x', x, { image: false });
    const available = dimension(whole.shape, 0);
    if (count < 1 || firstRow < 0 || firstRow + count > available)
      throw shapeError('rows', 'firstRow and count', `a range within ${available} rows`, [firstRow, count]);
    return [{ dtype: 'f32', shape: [count, ...whole.shape.slice(1)], image: false }];
  },
};

/** @throws ERR_SHAPE */
export function rows(x: Tensor, { firstRow, count, name }: { firstRow: number; count: number; name?: string }): Tensor {
  return first(apply(rowsOp, [x], { firstRow, count }, name));
}
