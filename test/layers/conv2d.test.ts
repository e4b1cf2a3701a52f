/** The layer Conv2d with groups, dilation and sides that are padded differently. */
import { expect, test } from 'vitest';
import { evaluate } from '../../lib/compile/evaluate';
import { Conv2d, GlobalAveragePool, Linear, Sequential } from '../../lib/layers';
import { functionalModel } from '../../lib/models';
import { inspectModel } from '../../lib/models/inspect';
import { conv2d } from '../../lib/ops/convolution';
import { constant, input } from '../../lib/tensor/tensor';
import { cpu } from '../train/support';

test('groups, dilation and a padding for each side reach the op', async () => {
  const places = { padding: [1, 0, 0, 2], dilation: [2, 1], groups: 2 } as const;
  const layer = new Conv2d({ name: 'c', inputs: 2, outputs: 4, kernel: [2, 1], ...places });
  const x = input('x', [1, 2, 1, 2]);
  const weights = constant([1, 10, 2, 20, 3, 30, 4, 40], [4, 2, 1, 1]);
  const y = conv2d(x, weights, places);
  expect(layer.weight.shape).toEqual(weights.shape);
  expect(layer.forward(x).shape).toEqual([1, 1, 3, 4]);
  expect(layer.forward(x).node.attributes).toEqual(y.node.attributes);
  // The first tap of the only row reads the padding, the second one the second row of x.
  const values = await evaluate(y, { device: cpu(), inputs: { x: Float32Array.of(1, 2, 3, 4) } });
  expect([...values].slice(0, 4)).toEqual([30, 60, 120, 160]);
  expect([...values].slice(4)).toEqual(new Array(8).fill(0));
});

test('multiply-adds of a depthwise convolution are those of one channel per output', () => {
  const layers = new Sequential([
    new Conv2d({ name: 'depthwise', inputs: 8, outputs: 8, kernel: 3, padding: 1, stride: 2, groups: 8, bias: false }),
    new Conv2d({ name: 'grouped', inputs: 8, outputs: 12, kernel: 3, padding: 1, groups: 4 }),
    new GlobalAveragePool(),
    new Linear({ name: 'head', inputs: 12, outputs: 3 }),
  ]);
  const model = functionalModel({
    ...{ parameters: layers.parameters, inputShape: [6, 6, 8], classes: 3 },
    forward: (images) => layers.forward(images),
  });
  const [depthwise, grouped] = inspectModel(model).layers;
  expect(depthwise).toMatchObject({ parameters: 8 * 9, macs: 3 * 3 * 8 * 9, outputShape: [3, 3, 8] });
  expect(grouped).toMatchObject({ parameters: 12 * 2 * 9 + 12, macs: 3 * 3 * 12 * 2 * 9 });
});
