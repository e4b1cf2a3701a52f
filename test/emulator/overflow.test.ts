/** A step whose update would overflow ends a run on a GPU, too: kernel by kernel, replayed, and with loss scaling. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { linear } from '../../lib/ops/linear';
import { AdamW } from '../../lib/optim/adamW';
import { precisionBuffers } from '../../lib/optim/lossScaling';
import { Sgd } from '../../lib/optim/sgd';
import { openDevice } from '../../lib/runtime/device';
import { Parameter, State } from '../../lib/tensor/state';
import { constant, input } from '../../lib/tensor/tensor';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

/** Weight decay multiplies the weights by about -1e12 in each step: the fourth would be too large for f32. */
const rules = { Sgd: () => new Sgd({ momentum: 0, weightDecay: 1e6 }), AdamW: () => new AdamW({ weightDecay: 1e6 }) };

describe.skipIf(!isEmulated)(isEmulated ? 'the emulated GPU' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  const device = openDevice('cuda');

  test.each([
    ['Sgd', 'f32', false],
    ['Sgd', 'f32', true],
    ['Sgd', 'fp16', true],
    ['AdamW', 'f32', true],
    ['AdamW', 'fp16', false],
  ] as const)('stops %s in %s before the fourth step, replayed: %s', async (rule, precision, replay) => {
    const weight = new Parameter({
      name: 'weight',
      shape: [3, 4],
      decay: true,
      initialize: () => Float32Array.from({ length: 12 }, (_, i) => 0.1 + 0.01 * i),
    });
    const optimizer = rules[rule]();
    const state = new State([weight], { optimizerSlots: optimizer.slots, buffers: precisionBuffers(precision) });
    const x = constant(new Float32Array(8).fill(0.01), [2, 4]);
    const { loss } = softmaxCrossEntropy(linear(x, weight), input('labels', [2], { dtype: 'i32' }));
    const { gradientNorm, ...nodes } = optimizer.update({ state, loss, learningRate: input('rate', [1]) });
    const plan = await compile(Graph.from({ outputs: { loss, gradientNorm }, ...nodes }), {
      device,
      precision,
      replay,
    });
    const result = await plan.run({ labels: Int32Array.of(1, 2), rate: Float32Array.of(1e6) }, { steps: 6 });
    expect(result).toMatchObject({ steps: 3, finite: false });
    expect(Number.isFinite(result.outputs.loss?.[3])).toBe(true);
    const weights = await state.read(weight);
    expect(weights.every((value) => Number.isFinite(value) && Math.abs(value) > 1e34)).toBe(true);
    plan.dispose();
    state.dispose();
  });
});
