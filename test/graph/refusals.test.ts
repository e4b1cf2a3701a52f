/** Invalid values that a kernel would not notice, or that would select a wrong kernel: each is refused where it is given. */
import { afterAll, describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { evaluate } from '../../lib/compile/evaluate';
import { gradient } from '../../lib/compile/gradient';
import { Graph } from '../../lib/compile/graph';
import { lower } from '../../lib/compile/lower';
import { inception33, subInception } from '../../lib/models';
import { activate } from '../../lib/ops/activation';
import { elu, leakyRelu, leakyTanh, relu } from '../../lib/ops/activations';
import { augment } from '../../lib/ops/augmentation';
import { add } from '../../lib/ops/channels';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d } from '../../lib/ops/convolution';
import { linear } from '../../lib/ops/linear';
import { averagePool } from '../../lib/ops/pooling';
import { Sgd } from '../../lib/optim/sgd';
import { openDevice } from '../../lib/runtime/device';
import { Parameter, State } from '../../lib/tensor/state';
import { constant, input } from '../../lib/tensor/tensor';

const device = openDevice('cpu');
const loweringOptions = {
  options: { allowTf32: false, deterministic: true, autotune: false, plain: true },
  replay: false,
  poison: false,
};
const image = input('image', [1, 8, 8, 2]);
const weight = input('weight', [2, 3, 3, 2], { image: false });
const logits = input('logits', [1, 3]);
const labels = (name = 'labels') => input(name, [1], { dtype: 'i32' });

function crop(size: readonly [number, number]) {
  const images = input('images', [5, 28, 28, 3], { dtype: 'u8' });
  const indices = labels('indices');
  const [mean, inverseDeviation] = [input('mean', [3]), input('deviation', [3])];
  return augment({ images, indices, mean, inverseDeviation }, { size });
}

/** Makes a loss that is computed from the probabilities of another loss. */
function lossOfProbabilities() {
  const { loss, probabilities } = softmaxCrossEntropy(logits, labels());
  return add(loss, softmaxCrossEntropy(probabilities, labels('others')).loss);
}

const mistakes: readonly (readonly [name: string, code: string, message: RegExp, attempt: () => unknown])[] = [
  [
    'a stride whose low 32 bits are 0',
    'ERR_INVALID_ARGUMENT',
    /from 1 to 65535 for stride\[0\].*4294967296/,
    () => conv2d(image, weight, { stride: 2 ** 32, padding: 1 }),
  ],
  [
    'a padding whose low 32 bits are 1',
    'ERR_INVALID_ARGUMENT',
    /from 0 to 65535 for padding\[0\].*4294967297/,
    () => averagePool(image, { kernel: 3, stride: 1, padding: 2 ** 32 + 1 }),
  ],
  ['half a pixel', 'ERR_INVALID_ARGUMENT', /an integer .*size\[1\].*27\.5/, () => crop([28, 27.5])],
  ['a crop of NaN pixels', 'ERR_INVALID_ARGUMENT', /an integer .*size\[0\].*NaN/, () => crop([Number.NaN, 28])],
  [
    'an unknown dtype',
    'ERR_INVALID_ARGUMENT',
    /f32, i32 or u8 for dtype of input "q".*"f64"/,
    () => input('q', [2], { dtype: 'f64' as never }),
  ],
  [
    'a dtype that every object has',
    'ERR_INVALID_ARGUMENT',
    /f32, i32 or u8.*"constructor"/,
    () => input('q', [2], { dtype: 'constructor' as never }),
  ],
  ['an image of one dimension', 'ERR_INVALID_ARGUMENT', /4 dimensions/, () => input('q', [2], { image: true })],
  [
    'a loss of two dimensions',
    'ERR_SHAPE',
    /shape \[1\] for loss.*\[1,\s?1\]/,
    () => gradient(linear(logits, input('head', [1, 3])), [logits]),
  ],
  [
    'the gradient through probabilities',
    'ERR_GRAPH',
    /\[softmaxCrossEntropy\] probabilities have no gradient/,
    () => gradient(lossOfProbabilities(), [logits]),
  ],
  [
    'the gradient through weights of a loss',
    'ERR_GRAPH',
    /\[softmaxCrossEntropy\] weights have no gradient/,
    () => {
      const weights = input('weights', [1]);
      return gradient(softmaxCrossEntropy(logits, labels(), { weights }).loss, [weights]);
    },
  ],
  ['an output that is no Tensor', 'ERR_INVALID_ARGUMENT', /output "y"/, () => asked({ y: undefined })],
  ['an output that is a node', 'ERR_INVALID_ARGUMENT', /output "y"/, () => asked({ y: image.node })],
  ['a sum of nothing', 'ERR_SHAPE', /\[add\].*input 0/, () => add(undefined as never)],
  ['an image of 3 pixels', 'ERR_INVALID_ARGUMENT', /integer from 4 to 4096.*size.*3/, () => inception33({ size: 3 })],
  ['five channels', 'ERR_INVALID_ARGUMENT', /from 1 to 4 for channels.*5/, () => subInception({ channels: 5 })],
];

const asked = (outputs: Record<string, unknown>) => Graph.from({ outputs: outputs as never });

describe('a typed error for', () => {
  test.each(mistakes)('%s', (_, code, message, attempt) => {
    expect(attempt).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  test('attributes beyond 32 bits, whichever op has them', () => {
    const y = conv2d(image, weight, { padding: 1 });
    const { node } = y;
    const wide = Graph.from({ outputs: { y } });
    Object.assign(node.attributes, { strideW: 2 ** 32 + 1 });
    expect(() => lower(wide, loweringOptions)).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(/32-bit integer for strideW of \[conv2d\].*4294967297/),
      }),
    );
  });

  test('two optimizer updates of one State in one graph; each alone is fine', async () => {
    const head = new Parameter({ name: 'head', shape: [3, 3], decay: true, initialize: () => new Float32Array(9) });
    const state = new State([head]);
    const update = (name: string) => {
      const { loss } = softmaxCrossEntropy(linear(input(name, [1, 3]), head), labels(`${name} labels`));
      return new Sgd().update({ state, loss, learningRate: input(`${name} rate`, [1]) });
    };
    const [a, b] = [update('a'), update('b')];
    const both = Graph.from({ outputs: {}, updates: [...a.updates, ...b.updates], gate: a.gate });
    await expect(compile(both, { device })).rejects.toMatchObject({
      code: 'ERR_GRAPH',
      message: expect.stringMatching(/gradients.*only once/),
    });
    for (const { updates, gate } of [a, b]) {
      (await compile(Graph.from({ outputs: {}, updates, gate }), { device })).dispose();
    }
    state.dispose();
  });
});

describe('a run refuses', () => {
  const three = Float32Array.of(1, 2, 3);
  const resident = device.upload(Int32Array.of(1, 2, 3));
  const short = device.upload(Float32Array.of(1, 2));
  afterAll(() => {
    for (const it of [resident, short]) it.dispose();
  });
  test.each([
    ['a resident array of another dtype', resident, /dtype f32 for input "x".*i32/],
    ['a resident array of another size', short, /12 resident bytes for input "x".*8/],
    ['a number', 3, /Float32Array, Int32Array or Uint8Array for input "x".*3/],
    ['a BigInt64Array', BigInt64Array.of(1n, 2n, 3n), /for input "x".*BigInt64Array/],
    ['a buffer', three.buffer, /for input "x".*ArrayBuffer/],
    ['null', null, /for input "x".*null/],
    ['a function', () => three, /for input "x".*a function/],
    [
      'a long plain array, of which it shows the beginning',
      Array.from({ length: 1000 }, () => 7),
      /for input "x".*7, …\]/,
    ],
  ])('%s', async (_, x, message) => {
    const plan = await compile(Graph.from({ outputs: { y: activate(input('x', [3]), relu()) } }), { device });
    const error = await plan.run({ x } as never).then(
      () => null,
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) });
    expect(error?.message.length).toBeLessThan(300);
    expect((await plan.run({ x: three })).outputs.y).toEqual(three);
    plan.dispose();
  });
});

test('an activation given without a slope has the default one', async () => {
  const x = constant([-1, 1]);
  for (const [kind, made] of [
    ['leakyTanh', leakyTanh()],
    ['leakyRelu', leakyRelu()],
    ['elu', elu()],
  ] as const) {
    const [bare, whole] = [activate(x, { kind } as never), activate(x, made)];
    expect(bare.node.attributes).toEqual(whole.node.attributes);
    expect(await evaluate(bare, { device })).toEqual(await evaluate(whole, { device }));
  }
});

test('two convolutions of the same name have the operations of each', async () => {
  const first = conv2d(image, weight, { padding: 1 });
  const y = conv2d(first, input('pointwise', [5, 1, 1, 2], { image: false }));
  const plan = await compile(Graph.from({ outputs: { y } }), { device });
  const flops = plan.kernels.filter(({ op }) => op === 'conv2d').map((kernel) => kernel.flops);
  expect(flops).toEqual([2 * 64 * 2 * 9 * 2, 2 * 64 * 5 * 2]);
  plan.dispose();
});
