/** A GPU with too little memory: the error says how much is needed and how much is free, and the process can continue. */
import { afterAll, describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { activate } from '../../lib/ops/activation';
import { tanh } from '../../lib/ops/activations';
import { openDevice } from '../../lib/runtime/device';
import { input } from '../../lib/tensor/tensor';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

const mebibyte = 2 ** 20;

const graphOf = (batch: number) => Graph.from({ outputs: { y: activate(input('x', [batch, 16, 16, 16]), tanh()) } });

describe.skipIf(!isEmulated)(isEmulated ? 'the emulated GPU' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  process.env.SATURNN_EMULATOR_MEMORY = String(64 * mebibyte);
  const device = openDevice('cuda');
  afterAll(() => device.dispose());

  test('has not enough memory for a plan: ERR_CUDA_OOM, and a smaller plan runs', async () => {
    await expect(compile(graphOf(8192), { device, autotune: false })).rejects.toMatchObject({
      code: 'ERR_CUDA_OOM',
      message: expect.stringMatching(
        /^this plan needs 12\d MiB for activations and workspaces: GPU 0 \(.*\) has \d+ MiB free of 64 MiB, and \d+ MiB more/,
      ),
    });
    const plan = await compile(graphOf(4), { device, autotune: false });
    const { outputs } = await plan.run({ x: new Float32Array(4 * 16 * 16 * 16).fill(0.5) }, { steps: 3 });
    expect(outputs.y).toHaveLength(3 * 4 * 16 * 16 * 16);
    expect(outputs.y?.[0]).toBeCloseTo(Math.tanh(0.5), 6);
    plan.dispose();
  });

  test('has one GPU: another index says so', () => {
    expect(() => openDevice('cuda:3')).toThrow(
      expect.objectContaining({ code: 'ERR_CUDA_UNAVAILABLE', message: expect.stringMatching(/index from 0 to 0.*3/) }),
    );
  });
});
