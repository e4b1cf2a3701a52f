/**
 * No plan of the networks may hold one of oneDNN's reference implementations: they are hundreds of times slower, and
 * oneDNN falls back to them silently. Compiled only, at widths whose channel counts differ, and at odd batch sizes.
 */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile';
import { Dataset } from '../../lib/data/dataset';
import { record } from '../../lib/data/records';
import type { Graph } from '../../lib/graph/graph';
import { zeros } from '../../lib/initializers';
import { createModel } from '../../lib/models';
import { Sgd } from '../../lib/optim/sgd';
import { State } from '../../lib/state';
import { evaluationGraph, trainGraph } from '../../lib/train/plans';
import { backends } from '../backends';
import { isReference } from '../check';

const small = Dataset.fromRecords(new Uint8Array(4 * record.bytes));
const statistics = small.statistics();

/** What a graph asks of the images: compiling needs no pixels. */
const imagesOf = (size: number): readonly number[] => [4, size, size, 3];

/** Forward in both plans, wgrad, and dgrad but for the convolutions that read the image (a pooled one in subInception). */
const passes: Readonly<Record<string, number>> = {
  inception33: 4 * 69 - 1,
  subInception: 4 * 66 - 4,
  inceptionBn: 4 * 69 - 1,
};

for (const { name, device, reason } of backends()) {
  if (!device?.isComplete) {
    test.skip(`${name}: NOT RUN: ${device ? 'it lacks kernels for some ops' : reason}`, () => {});
    continue;
  }
  describe.each(['inception33', 'subInception', 'inceptionBn'])(`${name}, %s`, (modelName) => {
    describe.each([0.25, 0.5, 1])('width %f', (width) => {
      test.each([1, 3, 32])('batch %i: training and inference', async (batch) => {
        const model = createModel(modelName, { width, initializer: zeros });
        const state = new State(model.parameters, { buffers: model.buffers });
        const images = imagesOf(model.inputShape[0]);
        const options = { model, state, statistics, images, batch };
        const implementations = async (graph: Graph) => {
          const plan = await compile(graph, { device });
          plan.dispose();
          return plan.kernels.map((kernel) => `${kernel.op} ${kernel.name}: ${kernel.implementation}`);
        };
        const all = [
          ...(await implementations(trainGraph(options, new Sgd()))),
          ...(await implementations(evaluationGraph(options))),
        ];
        expect(all.filter(isReference)).toEqual([]);
        // So that this is not right only because nothing was said: every convolution is there, and names what runs.
        const convolutions = all.filter((text) => text.startsWith('conv2d'));
        expect(convolutions.length).toBe(passes[modelName]);
        expect(convolutions.filter((text) => !/: \S/.test(text))).toEqual([]);
        state.dispose();
      });
    });
  });
}
