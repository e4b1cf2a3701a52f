/** Combinations of dtypes that the CUDA backend's convolutions and linear layers accept, on the emulated GPU. */
import { afterAll, describe, expect, test } from 'vitest';
import { type Device, openDevice } from '../../lib/runtime/device';
import type { DType, NativePlan, RunInput } from '../../lib/runtime/native';
import { int32, node, plan, tensor } from '../native/support';
import { TestRandom } from '../random';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

// Strides, padding, dilations, groups, no activation.
const attributes = int32(1, 1, 0, 0, 0, 0, 1, 1, 1, -1, 0);
const image = [2, 3, 4, 5] as const;
const weights = [6, 1, 1, 5] as const;
const result = [2, 3, 4, 6] as const;

interface Stored {
  x?: DType;
  w?: DType;
  y?: DType;
}

/** Describes a plan that copies f32 inputs to these dtypes, convolves them, and copies the result back to f32. */
function convolution({ x = 'f32', w = 'f32', y = x }: Stored) {
  const tensors = [
    tensor([...image]),
    tensor([...image], { dtype: x }),
    tensor([...weights], { image: false }),
    tensor([...weights], { image: w !== 'f32', dtype: w }),
    tensor([...result], { dtype: y }),
    tensor([...result]),
  ];
  const nodes = [
    node('copy', [0], [1]),
    node('copy', [2], [3]),
    node('conv2d', [1, 3, -1], [4], { attributes }),
    node('copy', [4], [5]),
  ];
  return plan(tensors, nodes, [0, 2], [5]);
}

/** Describes a plan that computes a weight gradient of dtype `dw` from images of dtype `images`. */
function weightGradient(images: DType, dw: DType) {
  const tensors = [
    tensor([...image]),
    tensor([...image], { dtype: images }),
    tensor([...result]),
    tensor([...result], { dtype: images }),
    tensor([...weights], { image: true, dtype: dw }),
    tensor([...weights], { image: false }),
  ];
  const nodes = [
    node('copy', [0], [1]),
    node('copy', [2], [3]),
    node('conv2dWgrad', [1, 3], [4, -1], { attributes }),
    node('copy', [4], [5]),
  ];
  return plan(tensors, nodes, [0, 2], [5]);
}

describe.skipIf(!isEmulated)(isEmulated ? 'dtypes of convolutions' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  const device: Device = openDevice('cuda');
  afterAll(() => device.dispose());
  const random = new TestRandom(7);
  const values = (shape: readonly number[]): RunInput => ({
    data: Float32Array.from({ length: shape.reduce((product, n) => product * n, 1) }, () => random.uniform() - 0.5),
    perStep: false,
  });
  const [x, w] = [values(image), values(weights)];

  async function run(stored: Stored): Promise<Float32Array> {
    const compiled: NativePlan = await device.native.compile(convolution(stored), null);
    const { outputs } = await compiled.run([x, w], 1);
    compiled.dispose();
    return outputs[0] as Float32Array;
  }

  test.each(['bf16', 'f16'] as const)(
    '%s weights give the same bits as f32 weights that the kernel rounds',
    async (half) => {
      const rounded = await run({ x: half, w: half });
      expect(rounded).toEqual(await run({ x: half }));
      expect(rounded).not.toEqual(await run({})); // the results of f32 would differ
      expect(rounded.some((value) => value !== 0)).toBe(true);
    },
  );

  test.each([
    [{ x: 'bf16', y: 'f32' }, 'Expected bf16 for y but received f32 [2, 3, 4, 6]'],
    [{ x: 'bf16', y: 'f16' }, 'Expected bf16 for y but received f16 [2, 3, 4, 6]'],
    [{ x: 'bf16', w: 'f16' }, 'Expected f32 weights or, as x is, bf16 for w but received f16 [6, 1, 1, 5]'],
    [{ x: 'f32', w: 'bf16' }, 'Expected f32 weights or, as x is, f32 for w but received bf16 [6, 1, 1, 5]'],
  ] as const)('refused: %j', async (stored, message) => {
    await expect(device.native.compile(convolution(stored), null)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });

  test('refused: a gradient of the weights that is not f32', async () => {
    await expect(device.native.compile(weightGradient('bf16', 'bf16'), null)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining('Expected f32 for dw but received bf16 [6, 1, 1, 5]'),
    });
  });
});
