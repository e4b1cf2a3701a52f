import { apply, type Tensor } from '../tensor';
import { expectTensor, first, type Op, shapeError } from './op';

/** The same values in a buffer of their own; also turns row-major data of four dimensions into an image and back. */
export const copyOp: Op = {
  name: 'copy',
  attributes: [],
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inferShape([x], { image = 0 }) {
    if (!x) throw shapeError('copy', 'x', 'a tensor', x);
    if (image && x.shape.length !== 4) expectTensor('copy', 'x', x, { rank: 4 });
    return [{ dtype: x.dtype, shape: x.shape, image: image === 1 }];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    return dy && x ? [dy.image === x.image ? dy : copy(dy, { image: x.image })] : [];
  },
};

export interface CopyOptions {
  /** Whether the result is an image; default: as x is. */
  image?: boolean;
  name?: string;
}

/**
 * The values of x in a buffer of their own, [...] -> [...].
 * @throws ERR_INVALID_ARGUMENT; ERR_SHAPE if an image is asked for and x has not four dimensions
 */
export function copy(x: Tensor, { image = x.image, name }: CopyOptions = {}): Tensor {
  return first(apply(copyOp, [x], { image: image ? 1 : 0 }, name));
}
