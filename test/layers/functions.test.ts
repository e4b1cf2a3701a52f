/** Networks as plain functions: used among layers, and as models for a Trainer. */
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../lib/compile/evaluate';
import { BatchNorm, Concatenate, Conv2d, Dropout, type ForwardContext, Linear, Sequential } from '../../lib/layers';
import { type FunctionalModelOptions, functionalModel } from '../../lib/models';
import { inspectModel } from '../../lib/models/inspect';
import { activate } from '../../lib/ops/activation';
import { relu, tanh } from '../../lib/ops/activations';
import { add } from '../../lib/ops/channels';
import { conv2d } from '../../lib/ops/convolution';
import { linear } from '../../lib/ops/linear';
import { globalAveragePool, maxPool } from '../../lib/ops/pooling';
import { Parameter } from '../../lib/tensor/state';
import { constant, input, type Tensor } from '../../lib/tensor/tensor';
import { cpu, smallData, trainerOf } from '../train/support';

test('Sequential and Concatenate take functions beside layers, and pass the context on', async () => {
  const seen: ForwardContext[] = [];
  const conv = new Conv2d({ name: 'c', inputs: 2, outputs: 4, kernel: 1, activation: tanh() });
  const layers = new Sequential([
    (x) => add(x, x),
    new Concatenate([
      (x) => x,
      (x, context) => {
        seen.push(context);
        return activate(x, relu());
      },
    ]),
    (x) => globalAveragePool(x),
  ]);
  expect(layers.parameters).toEqual([]);
  expect(new Sequential([conv, (x) => globalAveragePool(x)]).parameters).toEqual(conv.parameters);
  const context = { training: true, counter: null, remember: () => {} };
  const y = layers.forward(input('x', [1, 1, 2, 2]), context);
  const values = await evaluate(y, { device: cpu(), inputs: { x: Float32Array.of(1, -2, 3, -4) } });
  expect([...values]).toEqual([4, -6, 4, 0]);
  expect(seen).toEqual([context]);
  expect(() => new Sequential([conv, 'pool' as never])).toThrow(/layers and functions of a tensor.*"pool"/);
});

const weight = (name: string, shape: readonly number[], deviation = 0.3) =>
  new Parameter({
    name,
    shape,
    decay: true,
    initialize: (random) =>
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => deviation * random.gaussian()),
  });

/** Makes a small residual network that has its own weights beside layers. */
function residual(changes: Partial<FunctionalModelOptions> = {}) {
  const stem = weight('stem', [16, 3, 3, 3]);
  const block = new Conv2d({
    name: 'block',
    inputs: 16,
    outputs: 16,
    kernel: 3,
    padding: 1,
    normalization: 'batch',
    activation: relu(),
  });
  const drop = new Dropout({ name: 'drop', rate: 0.1 });
  const head = weight('head', [100, 16]);
  const model = functionalModel({
    name: 'residual',
    parameters: [stem, ...block.parameters, head],
    buffers: block.buffers,
    inputShape: [28, 28, 3],
    classes: 100,
    forward(x, context) {
      const low = maxPool(activate(conv2d(x, stem, { stride: 2, padding: 1 }), relu()), { kernel: 2, stride: 2 });
      return linear(drop.forward(globalAveragePool(add(low, block.forward(low, context))), context), head);
    },
    ...changes,
  });
  return { model, stem, head, block };
}

describe('functionalModel', () => {
  test('makes a model that trains, evaluates and is inspected', async () => {
    const { train } = smallData(20, 20);
    const { model, block } = residual();
    const trainer = trainerOf({ model, train, test: train, batch: 20, learningRate: 0.1 });
    const before = await trainer.evaluate('train');
    for await (const _ of trainer.fit({ steps: 60 }));
    expect((await trainer.evaluate('train')).loss).toBeLessThan(before.loss - 0.5);
    const running = await trainer.state.read(block.normalization!.runningVariance);
    expect(running.every((value) => value > 0 && value !== 1)).toBe(true);
    expect(inspectModel(model).totals).toMatchObject({ convolutions: 2, parameters: 16 * 27 + 16 * 144 + 32 + 1600 });
    trainer.dispose();
  });

  test('refuses what would fail later, by name', () => {
    const refused = (changes: object) => {
      try {
        residual(changes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
        return (error as Error).message;
      }
      throw new Error('nothing was refused');
    };
    const { stem, head, block } = residual();
    const other = weight('other', [100, 3]);
    const plain = (x: Tensor) => linear(globalAveragePool(x), other);
    expect(refused({ parameters: [] })).toMatch(/at least one Parameter/);
    expect(refused({ parameters: [stem, stem] })).toMatch(/different names.*"stem"/);
    expect(refused({ parameters: [head, constant([1])] })).toMatch(/Parameters for parameters/);
    expect(refused({ buffers: [stem] })).toMatch(/StateBuffers for buffers/);
    expect(refused({ inputShape: [28, 28] })).toMatch(/\[height, width, channels\]/);
    expect(refused({ inputShape: [28, 0, 3] })).toMatch(/inputShape\[1\]/);
    expect(refused({ classes: 0 })).toMatch(/classes/);
    expect(refused({ forward: 'x' })).toMatch(/a function for forward/);
    expect(refused({ forward: () => 7 })).toMatch(/a Tensor for the result of forward.*7/);
    expect(refused({ forward: (x: Tensor) => x })).toMatch(/logits \[2, 100\] for 2 images.*\[2, 28, 28, 3\]/);
    expect(refused({ forward: plain })).toMatch(/also "other", for parameters/);
    expect(refused({ parameters: [other, stem], forward: plain })).toMatch(/only what forward uses.*"stem"/);
    const norm = new BatchNorm({ name: 'norm', channels: 3 });
    const normal = (x: Tensor, context: ForwardContext) => plain(norm.forward(x, context));
    const parameters = [other, ...norm.parameters];
    expect(refused({ parameters, buffers: block.buffers, forward: normal })).toMatch(
      /also "norm\/runningMean", for buffers/,
    );
    expect(
      functionalModel({ parameters, buffers: norm.buffers, inputShape: [8, 8, 3], classes: 100, forward: normal }).name,
    ).toBe('custom');
    expect(() => (functionalModel as () => unknown)()).toThrow(
      /\{ parameters, .*inputShape, classes, forward.* received nothing/,
    );
  });

  test('works with layers alone', () => {
    const layers = new Sequential([
      new Conv2d({ name: 'c', inputs: 1, outputs: 8, kernel: 3, activation: tanh() }),
      (x) => globalAveragePool(x),
      new Linear({ name: 'l', inputs: 8, outputs: 10 }),
    ]);
    const { parameters, buffers } = layers;
    const forward = (x: Tensor, context: ForwardContext) => layers.forward(x, context);
    const model = functionalModel({ parameters, buffers, inputShape: [12, 9, 1], classes: 10, forward });
    expect(inspectModel(model).totals.parameters).toBe(8 * 9 + 8 + 80 + 10);
  });
});
