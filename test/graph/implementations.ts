/**
 * Checks that no plan of the networks uses a reference implementation of oneDNN: these are hundreds of times slower, and
 * oneDNN falls back to them silently. Plans are only compiled, for widths with different channel counts and for odd batch
 * sizes.
 */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import type { Graph } from '../../lib/compile/graph';
import { Dataset } from '../../lib/data/dataset';
import { record } from '../../lib/data/records';
import { zeros } from '../../lib/initial/initializers';
import { createModel } from '../../lib/models';
import { Sgd } from '../../lib/optim/sgd';
import { type Device, openDevice, type Precision } from '../../lib/runtime/device';
import { State } from '../../lib/tensor/state';
import { evaluationGraph, trainGraph } from '../../lib/train/stepGraphs';
import { isReference } from '../check';

const statistics = Dataset.fromRecords(new Uint8Array(4 * record.bytes)).statistics();

/** Shape of a data set of four images. Compiling needs no pixels. */
const imagesOf = (size: number): readonly number[] => [4, size, size, 3];

/**
 * Number of convolution kernels in the plans for training and inference together: for each convolution two forward
 * kernels, a wgrad and a dgrad, except that convolutions that read the image itself (pooled, for one in subInception)
 * have no dgrad. The number subtracted in brackets is that of 1x1 convolutions that are merged with siblings reading the
 * same image: 4 of a block A become 1 (only 3 in the last, which has a max pool, and in subInception's first, whose pool
 * has too few channels to commute), 2 of a block B become 1.
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
  /**
   * Pattern of the convolutions' implementations. After a data gradient, "+" and a kernel of saturnn's may follow
   * (activation).
   */
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
        // The check above is empty without names, so check that every convolution is listed with its implementation.
        const convolutions = all.filter((text) => text.startsWith('conv2d'));
        expect(convolutions.length).toBe(passes[modelName]);
        expect(convolutions.filter((text) => !expected.test(text))).toEqual([]);
        state.dispose();
      });
    });
  });
}

/**
 * Checks the implementations in bf16 on a processor that is limited to `isa`, a value of DNNL_MAX_CPU_ISA. Each value
 * needs its own test file, because oneDNN reads the variable once per process.
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
