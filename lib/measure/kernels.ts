/** The kernels that memory bandwidth limits, each with the part of a copy's bandwidth that it should reach. */

import { activate, activationGradient, encodeActivation } from '../ops/activation';
import { type Activation, elu, leakyTanh, relu, scaledSigmoid } from '../ops/activations';
import { augment, mix } from '../ops/augmentation';
import { addOp, concat } from '../ops/channels';
import { countCorrect, softmaxCrossEntropy, softmaxCrossEntropyGradient } from '../ops/classification';
import { dropout } from '../ops/dropout';
import { batchNorm, batchNormGradient, batchNormInference, blend, moments } from '../ops/normalization';
import {
  averagePool,
  averagePoolGradient,
  globalAveragePool,
  globalAveragePoolGradient,
  maxPool,
  maxPoolGradient,
} from '../ops/pooling';
import { randomizedRelu, randomizedReluGradient } from '../ops/randomizedRelu';
import { finiteCheck } from '../ops/scaling';
import { adamUpdate, averageWeights, checkUpdate, sgdUpdate } from '../ops/update';
import { apply, constant, type Node, type Tensor } from '../tensor/tensor';
import type { Declared } from './operands';

const timed = 'timed';

/** A kernel of the benchmark. */
export interface BenchKernel {
  readonly name: string;
  /** Name of the op that is timed: its graph must have one node with this op. */
  readonly op: string;
  /** Part of the copy's bandwidth that the kernel should reach, 0 to 1; null: no target. */
  readonly target: number | null;
  /** Makes the graph: returns tensors that need the kernel, or nodes that write the State. */
  readonly build: (operands: Declared) => readonly Tensor[] | { readonly updates: readonly Node[] };
}

const pool = (stride: number) => ({ kernel: 3, stride, padding: stride === 1 ? 1 : 0, name: timed });

const activationKernel = (activation: Activation): BenchKernel => ({
  name: `${activation.kind} + bias`,
  op: 'activation',
  target: 0.92,
  build: ({ x, perChannel }) => [activate(x, activation, { bias: perChannel, name: timed })],
});

const gradientKernel = (activation: Activation): BenchKernel => ({
  name: `${activation.kind} backward + bias gradient`,
  op: 'activationGradient',
  target: 0.88,
  build: ({ x, other }) => Object.values(activationGradient(x, other, encodeActivation(activation), { name: timed })),
});

/** Images of a few pixels: on a GPU, their launch takes longer than their transfer at the batches of training. */
const augmentKernel = (name: string, places: Parameters<Declared['placesOf']>[0], hasColours = false): BenchKernel => ({
  name,
  op: 'augment',
  target: null,
  build: (operands) => {
    const { pixels: images, indices, sizes } = operands;
    const [, height, width, channels] = sizes.pixels;
    const filled = (value: number) => constant(new Float32Array(channels).fill(value));
    const tables = { places: operands.placesOf(places), ...(hasColours && { colours: operands.colours }) };
    const inputs = { images, indices, ...tables, mean: filled(127.5), inverseDeviation: filled(1 / 74) };
    return [augment(inputs, { size: [height - 4, width - 4], name: timed })];
  },
});

const poolKernels = (stride: number): BenchKernel[] => {
  const suffix = stride === 1 ? '' : `, stride ${stride}`;
  return [
    {
      name: `max pool 3x3 with indices${suffix}`,
      op: 'maxPool',
      target: 0.75,
      build: ({ x }) => maxPool(x, pool(stride)).node.outputs,
    },
    {
      name: `max pool 3x3 backward${suffix}`,
      op: 'maxPoolGradient',
      target: 0.75,
      build: ({ x }) => {
        const { attributes, outputs } = maxPool(x, { ...pool(stride), name: 'indices' }).node;
        const [y, indices] = outputs as [Tensor, Tensor];
        return [maxPoolGradient(y, indices, x.shape, attributes, timed)];
      },
    },
  ];
};

const slopes = { lower: 1 / 8, upper: 1 / 3 };
const norm = ({ perChannel }: Declared) => ({ scale: perChannel, shift: perChannel });
const statistics = ({ perChannel }: Declared) => ({ mean: perChannel, variance: perChannel });

/** Operands of every optimizer: whole arenas, and a gate of 0, which lets the update happen. */
const update = ({ state }: Declared) => ({
  gate: constant(Int32Array.of(0)),
  parameters: state.vector('parameters'),
  gradient: state.vector('gradients'),
  learningRate: constant([1e-6]),
});
const decayed = ({ sizes }: Declared) => ({ weightDecay: 1e-4, decayed: sizes.parameters });

/** All kernels of the benchmark, in the order of the report. */
export const benchKernels: readonly BenchKernel[] = [
  ...[leakyTanh(), scaledSigmoid(), relu(), elu()].map(activationKernel),
  ...[leakyTanh(), scaledSigmoid(), relu(), elu()].map(gradientKernel),
  {
    name: 'rrelu in training + bias',
    op: 'randomizedRelu',
    target: 0.5, // ten rounds of Philox for every four elements
    build: ({ x, counter, perChannel }) => [randomizedRelu(x, { ...slopes, counter, bias: perChannel, name: timed })],
  },
  {
    name: 'rrelu backward + bias gradient',
    op: 'randomizedReluGradient',
    target: 0.6,
    build: ({ x, other, counter }) => {
      const { attributes } = randomizedRelu(other, { ...slopes, counter, name: 'forward' }).node;
      return Object.values(randomizedReluGradient(x, other, counter, attributes, { name: timed }));
    },
  },
  ...poolKernels(1),
  ...poolKernels(2),
  {
    name: 'average pool 3x3',
    op: 'averagePool',
    target: 0.75,
    build: ({ x }) => [averagePool(x, pool(1))],
  },
  {
    name: 'average pool 3x3 backward',
    op: 'averagePoolGradient',
    target: 0.75,
    build: ({ x }) => [averagePoolGradient(x, x.shape, averagePool(x, pool(1)).node.attributes, timed)],
  },
  {
    name: 'global average pool',
    op: 'globalAveragePool',
    target: null,
    build: ({ x }) => [globalAveragePool(x, { name: timed })],
  },
  {
    name: 'global average pool backward',
    op: 'globalAveragePoolGradient',
    target: null,
    build: ({ x }) => [globalAveragePoolGradient(globalAveragePool(x, { name: 'forward' }), x.shape, timed)],
  },
  {
    name: 'add of 2',
    op: 'add',
    target: 0.88,
    build: ({ x, other }) => apply(addOp, [x, other], {}, timed),
  },
  {
    name: 'add of 4',
    op: 'add',
    target: 0.88,
    build: ({ x, other }) => apply(addOp, [x, other, x, other], {}, timed),
  },
  {
    name: 'concat of 2',
    op: 'concat',
    target: 0.88,
    build: ({ x, other }) => [concat([x, other], { name: timed })],
  },
  {
    name: 'batch norm in training',
    op: 'batchNorm',
    target: null,
    build: (operands) => Object.values(batchNorm(operands.x, norm(operands), { name: timed })),
  },
  {
    name: 'batch norm backward',
    op: 'batchNormGradient',
    target: null,
    build: (operands) => {
      const { x, other, perChannel } = operands;
      const inputs = { dy: other, x, ...statistics(operands), scale: perChannel };
      return Object.values(batchNormGradient(inputs, { epsilon: 1e-5, frozen: false, name: timed }));
    },
  },
  {
    name: 'batch norm in inference',
    op: 'batchNormInference',
    target: 0.88,
    build: (operands) => [
      batchNormInference(operands.x, { ...statistics(operands), ...norm(operands) }, { name: timed }),
    ],
  },
  {
    name: 'dropout',
    op: 'dropout',
    target: 0.5,
    build: ({ x, counter }) => [dropout(x, counter, { rate: 0.25, stream: 1, name: timed })],
  },
  {
    name: 'moments',
    op: 'moments',
    target: null,
    build: ({ x }) => [moments(x, { name: timed })],
  },
  augmentKernel('augmentation: crop and mirror', 'places'),
  augmentKernel('augmentation: resized crop', 'resizedPlaces'),
  augmentKernel('augmentation: rotation', 'rotatedPlaces'),
  augmentKernel('augmentation: colours', 'places', true),
  {
    name: 'augmentation: mixup',
    op: 'mix',
    target: null,
    build: ({ x, mixes }) => [mix(x, mixes, { name: timed })],
  },
  {
    name: 'softmax cross-entropy',
    op: 'softmaxCrossEntropy',
    target: null,
    build: ({ logits, labels }) => Object.values(softmaxCrossEntropy(logits, labels, { name: timed })),
  },
  {
    name: 'softmax cross-entropy backward',
    op: 'softmaxCrossEntropyGradient',
    target: null,
    build: ({ logits, labels }) => [softmaxCrossEntropyGradient(logits, labels, constant([1]), { name: timed })],
  },
  {
    name: 'count correct',
    op: 'countCorrect',
    target: null,
    build: ({ logits, labels }) => [countCorrect(logits, labels, { name: timed })],
  },
  {
    name: 'blend',
    op: 'blend',
    target: null,
    build: ({ state }) => {
      const [old, value] = [state.vector('parameters'), state.vector('gradients')];
      return [blend(old, value, { keep: 0.9, take: 0.1, name: timed })];
    },
  },
  {
    name: 'finite check, gradient norm',
    op: 'finiteCheck',
    target: null,
    build: ({ state }) => Object.values(finiteCheck(constant([1]), state.vector('gradients'))),
  },
  {
    name: 'SGD',
    op: 'sgd',
    target: 0.88,
    build: (operands) => {
      const momentum = operands.state.vector('optimizer');
      return { updates: [sgdUpdate({ ...update(operands), momentum }, { momentum: 0.9, ...decayed(operands) })] };
    },
  },
  {
    name: 'check before SGD',
    op: 'sgdCheck',
    target: null,
    build: (operands) => {
      const momentum = operands.state.vector('optimizer');
      return [checkUpdate(sgdUpdate({ ...update(operands), momentum }, { momentum: 0.9, ...decayed(operands) }))];
    },
  },
  {
    name: 'Adam',
    op: 'adam',
    target: 0.88,
    build: (operands) => {
      const { state } = operands;
      const [firstMoment, secondMoment] = [state.vector('optimizer', 0), state.vector('optimizer', 1)];
      const inputs = { ...update(operands), firstMoment, secondMoment, counter: state.counter };
      const rates = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decoupled: false };
      return { updates: [adamUpdate(inputs, { ...rates, ...decayed(operands) })] };
    },
  },
  {
    name: 'average of the weights',
    op: 'averageWeights',
    target: 0.88,
    build: ({ state }) => {
      const [average, parameters] = [state.vector('optimizer'), state.vector('parameters')];
      const inputs = { gate: constant(Int32Array.of(0)), average, parameters, counter: state.counter };
      return { updates: [averageWeights(inputs, 0.999)] };
    },
  },
];
