/** Checks the gradients of the float64 references, and with them the ops' gradient rules and gradient(), numerically. */
import { describe, expect, test } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { ops } from '../../lib/ops';
import { activate } from '../../lib/ops/activation';
import { type ActivationKind, activations } from '../../lib/ops/activations';
import { add, concat, slice } from '../../lib/ops/channels';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d } from '../../lib/ops/convolution';
import { copy } from '../../lib/ops/data';
import { dropout } from '../../lib/ops/dropout';
import { linear } from '../../lib/ops/linear';
import { batchNorm, batchNormInference } from '../../lib/ops/normalization';
import { averagePool, globalAveragePool, maxPool } from '../../lib/ops/pooling';
import { randomizedRelu } from '../../lib/ops/randomizedRelu';
import type { Tensor } from '../../lib/tensor/tensor';
import { gaussian, mapped, scaled } from '../cases/fills';
import type { Builder } from '../cases/problem';
import { checkGradient, ofOp } from '../checkGradient';
import { testSeed } from '../random';

const convolution =
  (kernel: readonly [number, number], stride: readonly [number, number], padding: readonly [number, number]) =>
  (b: Builder) =>
    conv2d(b.f32('x', [2, 6, 5, 3]), b.plain('weight', [4, ...kernel, 3]), {
      bias: b.plain('bias', [4]),
      stride,
      padding,
    });

const singleOps: Readonly<Record<string, (b: Builder) => Tensor>> = {
  'conv2d 1x1': convolution([1, 1], [1, 1], [0, 0]),
  'conv2d 3x3': convolution([3, 3], [1, 1], [1, 1]),
  'conv2d 3x2, strides 2 and 1': convolution([3, 2], [2, 1], [1, 0]),
  'conv2d 5x3 with more padding than image at the edge': convolution([5, 3], [3, 2], [4, 2]),
  linear: (b) => linear(b.plain('x', [3, 7]), b.plain('weight', [5, 7]), { bias: b.plain('bias', [5]) }),
  'maxPool, clipped': (b) => maxPool(b.f32('x', [2, 6, 6, 2]), { kernel: 3, stride: 2, ceil: true }),
  'maxPool, padded': (b) => maxPool(b.f32('x', [1, 5, 4, 2]), { kernel: 3, stride: 1, padding: 1 }),
  'averagePool, clipped': (b) => averagePool(b.f32('x', [2, 6, 6, 2]), { kernel: 3, stride: 2, ceil: true }),
  'averagePool, padded': (b) => averagePool(b.f32('x', [2, 5, 4, 2]), { kernel: [2, 3], stride: 1, padding: [0, 1] }),
  globalAveragePool: (b) => globalAveragePool(b.f32('x', [2, 3, 4, 5])),
  softmaxCrossEntropy: (b) => softmaxCrossEntropy(b.plain('x', [4, 6]), b.labels('labels', 4, 6, { 1: -1 })).loss,
  'softmaxCrossEntropy, smoothed': (b) =>
    softmaxCrossEntropy(b.plain('x', [4, 6]), b.labels('labels', 4, 6, { 1: -1 }), { labelSmoothing: 0.3 }).loss,
  add: (b) => add(b.f32('x', [2, 2, 2, 3]), b.f32('y', [2, 2, 2, 3]), b.f32('z', [2, 2, 2, 3])),
  concat: (b) => concat([b.f32('x', [2, 2, 2, 3]), b.f32('y', [2, 2, 2, 5])]),
  slice: (b) => slice(b.f32('x', [2, 2, 2, 7]), { channelOffset: 2, channels: 4 }),
  copy: (b) => copy(b.plain('x', [2, 2, 2, 7]), { image: true }),
  randomizedRelu: (b) =>
    randomizedRelu(b.f32('x', [2, 3, 4, 5]), {
      counter: b.i32('counter', [b.random.integer(2 ** 31), b.random.integer(1000)]),
      lower: 0.1,
      upper: 0.9,
      name: 'layer',
      bias: b.plain('bias', [5]),
    }),
  batchNorm: (b) =>
    batchNorm(
      b.f32('x', [2, 3, 2, 5]),
      { scale: b.plain('scale', [5]), shift: b.plain('shift', [5]) },
      { epsilon: 0.1 },
    ).y,
  'batchNorm, far from 0': (b) =>
    batchNorm(
      b.plain(
        'x',
        [7, 3],
        mapped(gaussian, (value) => 100 + value),
      ),
      {
        scale: b.plain('scale', [3]),
        shift: b.plain('shift', [3]),
      },
    ).y,
  batchNormInference: (b) =>
    batchNormInference(b.f32('x', [2, 3, 2, 5]), {
      mean: b.plain('mean', [5]),
      variance: b.plain(
        'variance',
        [5],
        mapped(gaussian, (value) => 0.1 + value * value),
      ),
      scale: b.plain('scale', [5]),
      shift: b.plain('shift', [5]),
    }),
  dropout: (b) => dropout(b.f32('x', [2, 3, 2, 5]), b.i32('counter', [7, 8]), { rate: 0.4, stream: 3 }),
  ...Object.fromEntries(
    Object.entries(activations).flatMap(([kind, { slope }]) =>
      (slope ? [0, 0.1, slope.maximum] : [0]).map((a) => [
        `activation ${kind} ${a}`,
        (b: Builder) =>
          activate(
            b.f32('x', [2, 3, 4, 5]),
            { kind: kind as ActivationKind, slope: a },
            { bias: b.plain('bias', [5]) },
          ),
      ]),
    ),
  ),
};

describe('gradient rules', () => {
  test('of every differentiable op are checked', () => {
    const checked = new Set(Object.keys(singleOps).map((name) => name.split(/[ ,]/)[0]));
    const differentiable = ops.filter((op) => op.gradient).map((op) => op.name);
    expect(differentiable.filter((name) => !checked.has(name))).toEqual([]);
  });

  for (const [name, build] of Object.entries(singleOps)) {
    test(name, () => checkGradient((b) => ofOp(b, build(b)), testSeed));
  }
});

test('gradient() adds the parts of a tensor that is read more than once', () => {
  checkGradient((b) => {
    const x = b.f32('x', [2, 4, 4, 3]);
    const weight = b.plain('weight', [3, 3, 3, 3], scaled(0.3));
    const first = activate(conv2d(x, weight, { padding: 1 }), { kind: 'leakyTanh', slope: 0.25 });
    const second = activate(conv2d(first, weight, { padding: 1 }), { kind: 'tanh', slope: 0 });
    const joined = globalAveragePool(concat([first, second, slice(second, { channelOffset: 1, channels: 1 })]));
    const summed = globalAveragePool(add(first, second, first));
    const logits = add(linear(joined, b.plain('head', [4, 7])), linear(summed, b.plain('other head', [4, 3])));
    const { loss } = softmaxCrossEntropy(logits, b.labels('labels', 2, 4));
    const [dx, dweight] = gradient(loss, [x, weight]) as [Tensor, Tensor];
    return {
      y: loss,
      dy: null,
      gradients: [
        [x, dx],
        [weight, dweight],
      ],
    };
  }, testSeed);
});
