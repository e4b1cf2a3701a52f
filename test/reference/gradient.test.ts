/** Checks the gradients of the float64 references, and with them the ops' gradient rules and gradient(), numerically. */
import { describe, expect, test } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { ops } from '../../lib/ops';
import { activate } from '../../lib/ops/activation';
import { add, concat, slice } from '../../lib/ops/channels';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d } from '../../lib/ops/convolution';
import { linear } from '../../lib/ops/linear';
import { globalAveragePool } from '../../lib/ops/pooling';
import type { Tensor } from '../../lib/tensor/tensor';
import { gradientProblems } from '../cases';
import { scaled } from '../cases/fills';
import { checkGradient, ofOp } from '../checkGradient';
import { testSeed } from '../random';

describe('gradient rules', () => {
  test('of every differentiable op are checked', () => {
    const checked = new Set(Object.keys(gradientProblems).map((name) => name.split(/[ ,]/)[0]));
    const differentiable = ops.filter((op) => op.gradient).map((op) => op.name);
    expect(differentiable.filter((name) => !checked.has(name))).toEqual([]);
  });

  for (const [name, build] of Object.entries(gradientProblems)) {
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
