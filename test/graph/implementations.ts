/**
 * No plan of the networks may hold one of oneDNN's reference implementations: they are hundreds of times slower, and oneDNN
 * falls back to them silently. Compiled only, at widths whose channel counts differ, and at odd batch sizes.
 */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import type { Graph } from '../../lib/compile/graph';
import { Dataset } from '../../lib/data/dataset';
import { record } from '../../lib/data/records';
import { zeros } from '../../lib/layers/initializers';
import { createModel } from '../../lib/models';
import { Sgd } from '../../lib/optim/sgd';
import { type Device, openDevice, type Precision } from '../../lib/runtime/device';
import { State } from '../../lib/tensor/state';
import { evaluationGraph, trainGraph } from '../../lib/train/stepGraphs';
import { isReference } from '../check';

const statistics = Dataset.fromRecords(new Uint8Array(4 * record.bytes)).statistics();

/** What a graph asks of the images: compiling needs no pixels. */
const imagesOf = (size: number): readonly number[] => [4, size, size, 3];

/**
 * Forward in both plans, wgrad, and dgrad but for the convolutions that read the image (a pooled one in subInception). Of the
 * blocks' 1x1 convolutions one is left for each image that they read: 4 of a block A become 1 (3 in the last, with its max
 * pool, and in subInception's first, whose pool reads too few channels to commute), and 2 of a block B.
 */
const passes: Readonly<Record<string, number>> = {
  inception33: 4 * (69 - 25) - 1,
  subInception: 4 * (66 - 24) - 2,
  inceptionBn: 4 * (69 - 25) - 1,
};

export interface Checked {
  readonly device: Device;
  readonly precision: Precision;
  readonly widths: readonly number[];
  readonly batches: readonly number[];
  /** What the convolutions' names must say; a data gradient may be followed by a kernel of ours for the activation before. */
  readonly expected?: RegExp;
}

export function checkImplementations({ device, precision, widths, batches, expected = /: \S/ }: Checked): void {
  describe.each(Object.keys(passes))(`${device.name}, ${precision}, %s`, (modelName) => {
    describe.each(widths)('width %f', (width) => {
      test.each(batches)('batch %i: training and inference', async (batch) => {
        const model = createModel(modelName, { width, initializer: zeros });
        const state = new State(model.parameters, { buffers: model.buffers });
        const images = imagesOf(model.inputShape[0]);
        const options = { model, state, statistics, images, batch };
        const implementations = async (graph: Graph) => {
          const plan = await compile(graph, { device, precision });
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
        expect(convolutions.filter((text) => !expected.test(text))).toEqual([]);
        state.dispose();
      });
    });
  });
}

/**
 * bf16 with no more of a processor than `isa`, a value of DNNL_MAX_CPU_ISA. For test files of their own: oneDNN reads it
 * once in a process.
 */
export function checkHalfOn(isa: string, expected: RegExp): void {
  process.env.DNNL_MAX_CPU_ISA = isa;
  const device = openDevice('cpu');
  if (!device.precisions.includes('bf16')) {
    test.skip(`NOT RUN: this processor has no ${isa}`, () => {});
    return;
  }
  checkImplementations({ device, precision: 'bf16', widths: [0.25, 1], batches: [1, 32], expected });
}
