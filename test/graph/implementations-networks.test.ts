/**
 * Checks that no plan of LeNet, the ResNets and MobileNetV2 uses a reference implementation of oneDNN, to which it falls back silently:
 * their depthwise convolutions, strides and shortcuts are other cases than those of the Inceptions (implementations.test.ts). Plans are
 * only compiled, at the full width and for small images.
 */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import type { Graph } from '../../lib/compile/graph';
import { Dataset } from '../../lib/data/dataset';
import { record } from '../../lib/data/records';
import { zeros } from '../../lib/layers/initializers';
import { createModel } from '../../lib/models';
import { Sgd } from '../../lib/optim/sgd';
import { State } from '../../lib/tensor/state';
import { evaluationGraph, trainGraph } from '../../lib/train/stepGraphs';
import { backends } from '../backends';
import { isReference } from '../check';

const statistics = Dataset.fromRecords(new Uint8Array(4 * record.bytes)).statistics();

/**
 * Number of convolution kernels in the plans for training and inference together: for each convolution two forward kernels, a wgrad and
 * a dgrad, except that the first, which reads the image, has no dgrad. The two shortcuts of cifarResnet20 have constant weights, and so
 * no wgrad.
 */
const networks = { lenet: 4 * 3 - 1, cifarResnet20: 4 * 19 - 1 + 3 * 2, resnet18: 4 * 20 - 1, mobilenetV2: 4 * 52 - 1 };

for (const { name, device, reason } of backends()) {
  if (!device) {
    test.skip(`${name}: NOT RUN: ${reason}`, () => {});
    continue;
  }
  describe.each(device.precisions)(`${name}, %s`, (precision) => {
    test.each(Object.entries(networks))('%s: training and inference', async (model, count) => {
      const made = createModel(model, { size: 32, channels: 3, classes: 10, initializer: zeros });
      const state = new State(made.parameters, { buffers: made.buffers });
      const options = { model: made, state, statistics, images: [4, 32, 32, 3], batch: 3 };
      const implementations = async (graph: Graph) => {
        const plan = await compile(graph, { device, precision });
        plan.dispose();
        return plan.kernels.map((kernel) => `${kernel.op} ${kernel.name}: ${kernel.implementation}`);
      };
      const training = await implementations(trainGraph(options, new Sgd()));
      const all = [...training, ...(await implementations(evaluationGraph(options)))];
      state.dispose();
      expect(all.filter(isReference)).toEqual([]);
      // The check above is empty without names, so check that every convolution is listed with its implementation.
      const convolutions = all.filter((text) => text.startsWith('conv2d'));
      expect(convolutions.length).toBe(count);
      expect(convolutions.filter((text) => !/: \S/.test(text))).toEqual([]);
      // A matrix product per image and group is nearly as slow as a reference implementation: depthwise convolutions, and small images.
      if (precision === 'f32') expect(convolutions.filter((text) => text.includes('x64:gemm'))).toEqual([]);
    });
  });
}
