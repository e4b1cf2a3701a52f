/** Invalid plans that no graph leads to: every implementation of the CPU's kernels refuses them too. */
import { expect, test } from 'vitest';
import { openDevice } from '../../lib/runtime/device';
import { int32, node, plan, tensor } from './support';

const device = openDevice('cpu', { threads: 2 });

const dtypes = { f32: 'f32', tf32: 'f32', bf16: 'bf16', fp16: 'f16' } as const;

test.each(device.precisions)('a gradient of weights from batches that differ, %s', async (precision) => {
  const stored = { dtype: dtypes[precision] };
  // strides, padding, dilations, groups, activation, slope
  const attributes = int32(1, 1, 0, 0, 0, 0, 1, 1, 1, -1, 0);
  const [x, dy, dw] = [
    [2, 3, 3, 16],
    [4, 3, 3, 16],
    [16, 1, 1, 16],
  ] as const;
  const tensors = [
    tensor([...x]),
    tensor([...x], stored),
    tensor([...dy]),
    tensor([...dy], stored),
    tensor([...dw], { image: false }),
  ];
  const nodes = [node('copy', [0], [1]), node('copy', [2], [3]), node('conv2dWgrad', [1, 3], [4, -1], { attributes })];
  await expect(device.native.compile(plan(tensors, nodes, [0, 2], [4]), null)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringContaining('Expected shape [2, 3, 3, 16] for dy but received'),
  });
});
