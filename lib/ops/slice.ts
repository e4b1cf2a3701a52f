import { checkInteger, checkOptions } from '../errors';
import { apply, constant, type Tensor } from '../tensor';
import { concat } from './concat';
import { copy } from './copy';
import { dimension, expectTensor, first, type Op, shapeError } from './op';

/** Channels channelOffset .. channelOffset + channels of an image. Pass concatViews makes it free. */
export const sliceOp: Op = {
  name: 'slice',
  attributes: [['channelOffset', 'i32']],
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  isView: 'channels',
  inferShape([x], { channelOffset = 0, channels = 0 }) {
    const image = expectTensor('slice', 'x', x, { rank: 4, image: true });
    const available = dimension(image.shape, 3);
    if (channels < 1 || channelOffset + channels > available) {
      throw shapeError('slice', 'channelOffset and channels', `a range within ${available} channels`, [
        channelOffset,
        channels,
      ]);
    }
    return [{ dtype: 'f32', shape: [...image.shape.slice(0, 3), channels], image: true }];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    if (!dy || !x) return [];
    const { channelOffset = 0, channels = 0 } = node.attributes;
    const after = dimension(x.shape, 3) - channelOffset - channels;
    const parts = [zeros(x.shape, channelOffset), dy, zeros(x.shape, after)];
    return [concat(parts.filter((part) => part !== null))];
  },
};

/** An image of zeros with these many channels; null for none. A constant is no image, so that it goes through a copy. */
function zeros(shape: readonly number[], channels: number): Tensor | null {
  if (channels === 0) return null;
  const own = [...shape.slice(0, 3), channels];
  return copy(constant(new Float32Array(own.reduce((product, d) => product * d, 1)), own), { image: true });
}

export interface SliceOptions {
  channelOffset: number;
  channels: number;
  name?: string;
}

/** @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function slice(x: Tensor, options: SliceOptions): Tensor {
  const { channelOffset, channels, name } = checkOptions('{ channelOffset, channels }', options);
  checkInteger('channelOffset', channelOffset, 0);
  checkInteger('channels', channels, 1);
  return first(apply(sliceOp, [x], { channelOffset, channels }, name));
}
