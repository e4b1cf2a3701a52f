/**
 * Shape mismatches and other mistakes in user code: each gives a typed error that says which op expected what and
 * received what.
 */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { gradient } from '../../lib/compile/gradient';
import { Graph } from '../../lib/compile/graph';
import { Conv2d } from '../../lib/layers';
import { activate, clamp } from '../../lib/ops/activation';
import { leakyTanh, parseActivation, relu } from '../../lib/ops/activations';
import { type AugmentInputs, augment, mix } from '../../lib/ops/augmentation';
import { add, affine, concat, slice } from '../../lib/ops/channels';
import { countCorrect, softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d } from '../../lib/ops/convolution';
import { flatten } from '../../lib/ops/data';
import { linear } from '../../lib/ops/linear';
import { globalAveragePool, globalMaxPool, maxPool, upsample } from '../../lib/ops/pooling';
import { Parameter } from '../../lib/tensor/state';
import { constant, input, type Tensor } from '../../lib/tensor/tensor';

const x = input('x', [2, 8, 8, 16]);
const matrix = input('matrix', [2, 10]);
const labels = input('labels', [2], { dtype: 'i32' });
const weight = (...shape: number[]) => input('w', shape, { image: false });
const bytes = input('bytes', [5, 8, 8, 3], { dtype: 'u8' });

const mistakes: readonly (readonly [name: string, code: string, message: RegExp, attempt: () => unknown])[] = [
  [
    'a scale for other channels',
    'ERR_SHAPE',
    /\[affine\] Expected shape \[16\] or \[2, 16\] for scale but received \[2, 8\]/,
    () => affine(x, { scale: input('s', [2, 8]) }),
  ],
  [
    'an image as a scale',
    'ERR_SHAPE',
    /\[affine\] Expected shape \[16\] or \[2, 16\] for scale but received \[2, 1, 1, 16\]/,
    () => affine(x, { scale: input('s', [2, 1, 1, 16]) }),
  ],
  [
    'neither scale nor bias',
    'ERR_SHAPE',
    /\[affine\] Expected at least one tensor for scale and bias/,
    () => affine(x, {}),
  ],
  [
    'bounds in the wrong order',
    'ERR_INVALID_ARGUMENT',
    /a number of at least low, 1.* for .*high but received 0/,
    () => clamp(x, { low: 1, high: 0 }),
  ],
  [
    'a bound that is no number',
    'ERR_INVALID_ARGUMENT',
    /Expected a finite number that f32 can hold for low.*NaN/,
    () => clamp(x, { low: Number.NaN }),
  ],
  [
    'rows of a matrix',
    'ERR_SHAPE',
    /\[flatten\] Expected 4 dimensions for x but received \[2, 10\]/,
    () => flatten(matrix),
  ],
  ['the largest pixel of a matrix', 'ERR_SHAPE', /\[globalMaxPool\].*4 dimensions/, () => globalMaxPool(matrix)],
  ['a factor of half', 'ERR_INVALID_ARGUMENT', /factor\[0\].*0\.5/, () => upsample(x, { factor: 0.5 })],
  [
    'a factor that makes too many pixels',
    'ERR_SHAPE',
    /\[upsample\] Expected a result below 2\^31 elements for factor/,
    () => upsample(x, { factor: 65535 }),
  ],
  [
    'a padding below as large as the window',
    'ERR_INVALID_ARGUMENT',
    /padding\[1\].*3/,
    () => maxPool(x, { kernel: 3, stride: 2, padding: [0, 3, 0, 0] }),
  ],
  [
    'weights for other channels',
    'ERR_SHAPE',
    /\[conv2d\].*16 input channels.*\[4, 3, 3, 8\]/,
    () => conv2d(x, weight(4, 3, 3, 8)),
  ],
  [
    'a kernel larger than the image',
    'ERR_SHAPE',
    /\[conv2d\].*9x9 kernel.*\[2, 8, 8, 16\]/,
    () => conv2d(x, weight(4, 9, 9, 16)),
  ],
  [
    'an image as weights',
    'ERR_SHAPE',
    /\[conv2d\] Expected weights for weight but received an image \[.*\]: input\(name, shape, { image: false }\)/,
    () => conv2d(x, x),
  ],
  [
    'a matrix as an image',
    'ERR_SHAPE',
    /\[conv2d\].*4 dimensions.*\[2, 10\]/,
    () => conv2d(matrix, weight(4, 3, 3, 16)),
  ],
  [
    'a bias of another length',
    'ERR_SHAPE',
    /\[conv2d\].*shape \[4\] for bias.*\[5\]/,
    () => conv2d(x, weight(4, 3, 3, 16), { bias: input('b', [5]) }),
  ],
  ['a stride of 0', 'ERR_INVALID_ARGUMENT', /stride\[0\].*0/, () => conv2d(x, weight(4, 3, 3, 16), { stride: 0 })],
  [
    'a negative padding',
    'ERR_INVALID_ARGUMENT',
    /padding\[1\].*-1/,
    () => conv2d(x, weight(4, 3, 3, 16), { padding: [0, -1] }),
  ],
  [
    'three paddings',
    'ERR_INVALID_ARGUMENT',
    /a number, \[vertical, horizontal\] or \[top, bottom, left, right\] for padding.*\[1, 2, 3\]/,
    () => conv2d(x, weight(4, 3, 3, 16), { padding: [1, 2, 3] as never }),
  ],
  [
    'a negative padding on one side',
    'ERR_INVALID_ARGUMENT',
    /from 0 to 65535 for padding\[3\].*-1/,
    () => conv2d(x, weight(4, 3, 3, 16), { padding: [0, 1, 2, -1] }),
  ],
  [
    'a dilation of 0',
    'ERR_INVALID_ARGUMENT',
    /dilation\[1\].*0/,
    () => conv2d(x, weight(4, 3, 3, 16), { dilation: [1, 0] }),
  ],
  [
    'a dilated kernel larger than the image',
    'ERR_SHAPE',
    /\[conv2d\].*padding 1, 0, 0, 0 .*holds a 3x3 kernel with dilation 5, 1 for x.*\[2, 8, 8, 16\]/,
    () => conv2d(x, weight(4, 3, 3, 16), { dilation: [5, 1], padding: [1, 0, 0, 0] }),
  ],
  ['no groups', 'ERR_INVALID_ARGUMENT', /groups.*0/, () => conv2d(x, weight(4, 3, 3, 16), { groups: 0 })],
  [
    'groups that do not divide the channels of x',
    'ERR_SHAPE',
    /\[conv2d\] Expected a divisor of 16 channels of x and of 6 of weight .* for groups but received 3/,
    () => conv2d(x, weight(6, 3, 3, 5), { groups: 3 }),
  ],
  [
    'groups that do not divide the channels of y',
    'ERR_SHAPE',
    /\[conv2d\].*of 6 of weight.*for groups.*4/,
    () => conv2d(x, weight(6, 3, 3, 4), { groups: 4 }),
  ],
  [
    'weights of all channels in groups',
    'ERR_SHAPE',
    /\[conv2d\].*4 input channels.*each of the 4 groups of x has.*\[8, 3, 3, 16\]/,
    () => conv2d(x, weight(8, 3, 3, 16), { groups: 4 }),
  ],
  [
    'a layer whose groups do not divide its outputs',
    'ERR_INVALID_ARGUMENT',
    /a divisor of 16 inputs and of 20 outputs for groups of c .*16/,
    () => new Conv2d({ name: 'c', inputs: 16, outputs: 20, kernel: 3, groups: 16 }),
  ],
  ['features that do not fit', 'ERR_SHAPE', /\[linear\].*10.*\[5, 11\]/, () => linear(matrix, weight(5, 11))],
  [
    'a window larger than the image',
    'ERR_SHAPE',
    /\[maxPool\].*9x9 window/,
    () => maxPool(x, { kernel: 9, stride: 1 }),
  ],
  [
    'padding as large as the window',
    'ERR_INVALID_ARGUMENT',
    /padding\[0\].*3/,
    () => maxPool(x, { kernel: 3, stride: 1, padding: 3 }),
  ],
  [
    'pooling without options',
    'ERR_INVALID_ARGUMENT',
    /kernel, stride.*received nothing$/,
    () => (maxPool as (x: Tensor) => Tensor)(x),
  ],
  [
    'a slice without options',
    'ERR_INVALID_ARGUMENT',
    /channelOffset, channels.*received nothing$/,
    () => (slice as (x: Tensor) => Tensor)(x),
  ],
  ['a slope out of range', 'ERR_INVALID_ARGUMENT', /0 to 0\.5 for slope of leakyTanh.*0\.6/, () => leakyTanh(0.6)],
  ['a slope that is NaN', 'ERR_INVALID_ARGUMENT', /slope of leakyTanh.*NaN/, () => leakyTanh(Number.NaN)],
  [
    'a slope out of range in an object',
    'ERR_INVALID_ARGUMENT',
    /slope/,
    () => activate(x, { kind: 'leakyRelu', slope: -1 }),
  ],
  [
    'an unknown activation',
    'ERR_INVALID_ARGUMENT',
    /sigmoid, scaledSigmoid, tanh, leakyTanh, relu, leakyRelu, elu.*"mish"/,
    () => parseActivation('mish'),
  ],
  ['a slope for an activation without', 'ERR_INVALID_ARGUMENT', /slope of tanh/, () => parseActivation('tanh:0.1')],
  [
    'a bias for other channels',
    'ERR_SHAPE',
    /\[activation\].*\[16\].*\[8\]/,
    () => activate(x, relu(), { bias: input('b', [8]) }),
  ],
  [
    'a sum of different shapes',
    'ERR_SHAPE',
    /\[add\].*input 1.*\[2, 8, 8, 7\]/,
    () => add(x, input('y', [2, 8, 8, 7])),
  ],
  [
    'images of different sizes',
    'ERR_SHAPE',
    /\[concat\].*input 1.*\[2, 4, 4, 16\]/,
    () => concat([x, input('y', [2, 4, 4, 16])]),
  ],
  ['no array to join', 'ERR_INVALID_ARGUMENT', /array of Tensors.*received nothing$/, () => concat(undefined as never)],
  ['nothing to join', 'ERR_SHAPE', /\[concat\].*at least one/, () => concat([])],
  [
    'a slice past the end',
    'ERR_SHAPE',
    /\[slice\].*16 channels.*\[10, 7\]/,
    () => slice(x, { channelOffset: 10, channels: 7 }),
  ],
  [
    'labels of another batch',
    'ERR_SHAPE',
    /\[softmaxCrossEntropy\].*labels.*\[3\]/,
    () => softmaxCrossEntropy(matrix, input('l', [3], { dtype: 'i32' })),
  ],
  [
    'weights of another batch',
    'ERR_SHAPE',
    /\[softmaxCrossEntropy\].*shape \[2\] for weights.*\[3\]/,
    () => softmaxCrossEntropy(matrix, labels, { weights: input('w', [3]) }),
  ],
  [
    'weights that are integers',
    'ERR_SHAPE',
    /\[softmaxCrossEntropy\].*dtype f32 for weights.*i32/,
    () => softmaxCrossEntropy(matrix, labels, { weights: labels }),
  ],
  [
    'labels that are not integers',
    'ERR_SHAPE',
    /\[countCorrect\].*i32.*f32/,
    () => countCorrect(matrix, input('l', [2])),
  ],
  [
    'the best 0 of a row',
    'ERR_INVALID_ARGUMENT',
    /from 1 to \d+ for k .*0/,
    () => countCorrect(matrix, labels, { k: 0 }),
  ],
  ['a crop larger than the image', 'ERR_SHAPE', /\[augment\].*8x8.*\[9, 8\]/, () => crop([9, 8])],
  [
    'a mean image of another size',
    'ERR_SHAPE',
    /\[augment\].*\[8, 8, 3\] for mean.*\[7, 8, 3\]/,
    () => crop([4, 4], [7, 8, 3]),
  ],
  [
    'a table of places with too few columns',
    'ERR_SHAPE',
    /\[augment\].*\[2, 6\] for places.*\[2, 5\]/,
    () => crop([4, 4], [3], { places: input('places', [2, 5]) }),
  ],
  [
    'colours with a mean per pixel',
    'ERR_SHAPE',
    /\[augment\].*one number per channel.*mean.*\[8, 8, 3\]/,
    () => crop([4, 4], [8, 8, 3], { colours: input('colours', [2, 4]) }),
  ],
  [
    'colours of images of 16 channels',
    'ERR_SHAPE',
    /\[augment\].*1 or 3 channels.*\[5, 8, 8, 16\]/,
    () =>
      crop([4, 4], [16], {
        images: input('wide', [5, 8, 8, 16], { dtype: 'u8' }),
        inverseDeviation: input('deviation', [16]),
        colours: input('colours', [2, 4]),
      }),
  ],
  [
    'a table of mixes for another batch',
    'ERR_SHAPE',
    /\[mix\].*\[2, 6\].*\[3, 6\]/,
    () => mix(x, input('mixes', [3, 6])),
  ],
  ['a shape with a zero', 'ERR_INVALID_ARGUMENT', /positive integers.*\[2, 0\]/, () => input('y', [2, 0])],
  ['a shape of five dimensions', 'ERR_INVALID_ARGUMENT', /1 to 4/, () => input('y', [1, 2, 3, 4, 5])],
  [
    'data that does not fill its shape',
    'ERR_INVALID_ARGUMENT',
    /6 elements.*5/,
    () => constant([1, 2, 3, 4, 5], [2, 3]),
  ],
  [
    'the gradient of an image',
    'ERR_SHAPE',
    /shape \[1\] for loss.*\[2,\s?8,\s?8,\s?16\]/,
    () => gradient(activate(x, relu()), [x]),
  ],
  ['a gradient without influence', 'ERR_GRAPH', /"matrix" does not influence/, () => gradient(scalar(), [matrix])],
  [
    'a gradient through an op that has none',
    'ERR_GRAPH',
    /\[countCorrect\] has no gradient/,
    () => gradient(countCorrect(matrix, labels), [matrix]),
  ],
  ['a graph of nothing', 'ERR_GRAPH', /at least one output/, () => Graph.from({ outputs: {} })],
];

function crop(size: readonly [number, number], meanShape = [3], tables: Partial<AugmentInputs> = {}) {
  const [mean, inverseDeviation] = [input('mean', meanShape), input('deviation', [3])];
  return augment({ images: bytes, indices: labels, mean, inverseDeviation, ...tables }, { size });
}

const scalar = () => softmaxCrossEntropy(linear(globalAveragePool(x), weight(3, 16)), labels).loss;

describe('a typed error for', () => {
  test.each(mistakes)('%s', (_, code, message, attempt) => {
    expect(attempt).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  test('a parameter without a State', async () => {
    const lonely = new Parameter({ name: 'lonely', shape: [3], decay: true, initialize: () => new Float32Array(3) });
    const graph = Graph.from({ outputs: { y: activate(lonely, relu()) } });
    await expect(compile(graph, { device: 'cpu' })).rejects.toMatchObject({
      code: 'ERR_GRAPH',
      message: expect.stringMatching(/lonely/),
    });
  });

  test('what is no Graph', async () => {
    await expect(compile({} as Graph, { device: 'cpu' })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(/a Graph for graph/),
    });
  });

  test('two inputs of one name', async () => {
    const graph = Graph.from({ outputs: { y: add(input('a', [3]), input('a', [3])) } });
    await expect(compile(graph, { device: 'cpu' })).rejects.toMatchObject({
      code: 'ERR_GRAPH',
      message: expect.stringMatching(/"a"/),
    });
  });
});

describe('a run refuses', () => {
  const sum = () => Graph.from({ outputs: { y: add(input('a', [3]), input('b', [3])) } });
  const three = Float32Array.of(1, 2, 3);
  test.each([
    ['a missing input', { a: three }, /"b" but received nothing$/],
    ['an unknown input', { a: three, b: three, c: three }, /a, b.*"c"/],
    ['another number of elements', { a: three, b: Float32Array.of(1, 2) }, /3 elements.*"b".*2/],
    ['another dtype', { a: three, b: Int32Array.of(1, 2, 3) }, /f32.*"b".*i32/],
    ['what is no array', { a: three, b: [1, 2, 3] as unknown as Float32Array }, /Float32Array/],
  ])('%s', async (_, inputs, message) => {
    const plan = await compile(sum(), { device: 'cpu' });
    await expect(plan.run(inputs as never)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
    expect((await plan.run({ a: three, b: three })).outputs.y).toEqual(Float32Array.of(2, 4, 6));
    plan.dispose();
  });

  test.each([0, -1, 1.5, Number.NaN])('%f steps', async (steps) => {
    const plan = await compile(sum(), { device: 'cpu' });
    await expect(plan.run({ a: three, b: three }, { steps })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    plan.dispose();
  });
});
