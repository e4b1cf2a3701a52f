/** Networks of one's own for tests of model files: one with every kind of layer, and drawn ones. */
import { BatchNorm, Conv2d, Dropout, type ForwardContext, inference, type Layer, Linear } from '../../lib/layers';
import { within } from '../../lib/layers/context';
import { functionalModel, type Model, models } from '../../lib/models';
import { activate, clamp } from '../../lib/ops/activation';
import {
  type Activation,
  activations,
  elu,
  leakyRelu,
  leakyTanh,
  parseActivation,
  rrelu,
  sigmoid,
  tanh,
} from '../../lib/ops/activations';
import { add, affine, concat, multiply, slice } from '../../lib/ops/channels';
import { conv2d } from '../../lib/ops/convolution';
import { copy, flatten } from '../../lib/ops/data';
import {
  averagePool,
  globalAveragePool,
  globalMaxPool,
  maxPool,
  type PoolOptions,
  upsample,
} from '../../lib/ops/pooling';
import type { Parameter, StateBuffer } from '../../lib/tensor/state';
import { constant, input, sizeOf, type Tensor } from '../../lib/tensor/tensor';
import type { TestRandom } from '../random';

/** The names of the built-in networks; of the ResNets for CIFAR, which differ in depth alone, only the smallest. */
export const builtInNames: readonly string[] = Object.keys(models).filter((name) => !/cifarResnet(?!20)/.test(name));

const partsOf = (layers: readonly Layer[]) => ({
  parameters: layers.flatMap(({ parameters }): readonly Parameter[] => parameters),
  buffers: layers.flatMap(({ buffers = [] }): readonly StateBuffer[] => buffers),
});

/** Makes a network with branches, a depthwise convolution, a residual, a layer that is used twice, normalisation, dropout, rrelu and a constant. */
export function branchedModel({ classes = 10, size = 8 } = {}): Model {
  const stem = new Conv2d({ name: 'stem', inputs: 3, outputs: 16, kernel: 3, padding: 1, normalization: 'batch' });
  const wide = new Conv2d({
    name: 'wide',
    inputs: 16,
    outputs: 16,
    kernel: [1, 3],
    padding: [0, 1],
    groups: 16,
    activation: rrelu(),
  });
  const thin = new Conv2d({
    name: 'thin',
    inputs: 16,
    outputs: 16,
    kernel: 1,
    activation: leakyTanh(0.2),
    normalization: 'batch',
  });
  const norm = new BatchNorm({ name: 'norm', channels: 32, momentum: 0.8, epsilon: 1e-3 });
  const drop = new Dropout({ name: 'drop', rate: 0.3 });
  const head = new Linear({ name: 'head', inputs: 32, outputs: classes });
  // Fixed weights, which no training changes.
  const blur = constant(
    Float32Array.from({ length: 27 }, (_, index) => 1 / (1 + index)),
    [3, 3, 1, 3],
  );
  return functionalModel({
    name: 'branched',
    ...partsOf([stem, wide, thin, norm, head]),
    inputShape: [size, size, 3],
    classes,
    activation: leakyTanh(0.2),
    forward(x, context) {
      const low = maxPool(activate(stem.forward(conv2d(x, blur, { padding: [1, 0] })), tanh(), { name: 'stem' }), {
        kernel: 3,
        stride: 2,
        ceil: true,
      });
      // Used twice, so that its running statistics move twice in a step.
      const twice = thin.forward(thin.forward(low));
      const joined = concat([add(low, twice), wide.forward(averagePool(low, { kernel: 3, stride: 1, padding: 1 }))]);
      const features = drop.forward(globalAveragePool(norm.forward(joined)), context);
      return add(head.forward(features), head.forward(drop.forward(features)));
    },
  });
}

/** Draws a network of the public ops that a forward pass may hold. */
export function drawnModel(random: TestRandom): Model {
  const layers: Layer[] = [];
  const use = <T extends Layer>(layer: T): T => {
    layers.push(layer);
    return layer;
  };
  const steps = Array.from({ length: 1 + random.integer(5) }, (_, index) => drawnStep(random, `layer${index}`, use));
  let channels = 3;
  const made = steps.map((step) => {
    const forward = step.make(channels);
    channels = step.channels(channels);
    return forward;
  });
  const inputShape = [6, 5, 3] as const;
  const trunk = (x: Tensor, context: ForwardContext) => made.reduce((tensor, forward) => forward(tensor, context), x);
  const features = [globalAveragePool, globalMaxPool, flatten][random.integer(3)]!;
  const image = input('image', [1, ...inputShape]);
  const inputs = sizeOf(within(inference, () => features(trunk(image, inference))).shape);
  const head = use(new Linear({ name: 'head', inputs, outputs: 5 }));
  return functionalModel({
    ...partsOf(layers),
    inputShape,
    classes: 5,
    forward: (x, context) => head.forward(features(trunk(x, context))),
  });
}

interface Step {
  readonly channels: (before: number) => number;
  readonly make: (inputs: number) => (x: Tensor, context: ForwardContext) => Tensor;
}

/** Every activation, some of them with another slope than the usual one. */
export const everyActivation: readonly Activation[] = [
  ...Object.keys(activations).map(parseActivation),
  ...[leakyTanh(0.1), leakyTanh(0), leakyRelu(0), leakyRelu(1), elu(0.7), rrelu({ lower: 0.1, upper: 0.4 })],
];

/** Draws where the windows of a pooling lie. Its output is not empty, however small the image is. */
function drawnWindows(random: TestRandom): PoolOptions {
  const draw = () => {
    const kernel = 1 + random.integer(4);
    const least = Math.ceil((kernel - 1) / 2);
    const [before, behind] = [0, 1].map(() => least + random.integer(kernel - least)) as [number, number];
    return { kernel, stride: 1 + random.integer(2), padding: [before, behind] as const };
  };
  const [rows, columns] = [draw(), draw()];
  return {
    kernel: [rows.kernel, columns.kernel],
    stride: [rows.stride, columns.stride],
    padding: [...rows.padding, ...columns.padding],
    ceil: random.integer(2) === 1,
  };
}

/** Draws a layer, or a few that belong together. Layers are made when their number of inputs is known. */
function drawnStep(random: TestRandom, name: string, use: <T extends Layer>(layer: T) => T): Step {
  const same = (before: number) => before;
  const outputs = 1 + random.integer(6);
  const activation = everyActivation[random.integer(everyActivation.length)]!;
  const kinds: (() => Step)[] = [
    () => ({
      channels: () => outputs,
      make: (inputs) => {
        const normalization = random.integer(2) ? 'batch' : 'none';
        const [kernel, padding] = random.integer(2) ? ([3, 1] as const) : ([1, 0] as const);
        const stride = [1 + random.integer(2), 1] as const;
        const conv = use(new Conv2d({ name, inputs, outputs, kernel, padding, stride, activation, normalization }));
        return (x) => conv.forward(x);
      },
    }),
    () => ({
      channels: same,
      make: (channels) => {
        const places = { padding: [3, 1, 0, 0], dilation: [2, 1], groups: channels } as const;
        const conv = use(new Conv2d({ name, inputs: channels, outputs: channels, kernel: [3, 1], ...places }));
        return (x) => conv.forward(x);
      },
    }),
    () => ({
      channels: (before) => 2 * before,
      make: (channels) => {
        // Groups of one channel each, or of half of them.
        const groups = channels % 2 === 0 && random.integer(2) ? 2 : channels;
        const conv = use(
          new Conv2d({ name, inputs: channels, outputs: 2 * channels, kernel: 3, padding: 1, groups, activation }),
        );
        return (x) => conv.forward(x);
      },
    }),
    () => ({ channels: same, make: () => (x, context) => activate(x, activation, { name, context }) }),
    () => ({ channels: (before) => 2 * before, make: () => (x) => concat([x, add(x, x, x)], { name }) }),
    () => ({
      channels: (before) => Math.ceil(before / 2),
      make: (inputs) => (x) => slice(x, { channelOffset: Math.floor(inputs / 2), channels: Math.ceil(inputs / 2) }),
    }),
    () => {
      const weight = constant(Float32Array.from({ length: 2 }, random.gaussian), [2, 1, 1, 1]);
      return {
        channels: () => 2,
        make: () => (x) => conv2d(slice(x, { channelOffset: 0, channels: 1 }), weight, { stride: 1, name }),
      };
    },
    () => ({ channels: same, make: () => (x) => maxPool(x, { kernel: 2, stride: 1, padding: 1, name }) }),
    () => {
      const [windows, pool] = [drawnWindows(random), random.integer(2) ? maxPool : averagePool];
      return { channels: same, make: () => (x) => pool(x, { ...windows, name }) };
    },
    () => ({
      channels: same,
      make: (channels) => {
        const excite = use(new Linear({ name, inputs: channels, outputs: channels }));
        const bias = constant(Float32Array.from({ length: channels }, random.gaussian));
        const squeeze = random.integer(2) ? globalAveragePool : globalMaxPool;
        return (x) => affine(x, { scale: activate(excite.forward(squeeze(x)), sigmoid()), bias, name });
      },
    }),
    () => ({
      channels: same,
      make: () => (x) =>
        maxPool(upsample(x, { factor: [2, 1], name }), { kernel: 2, stride: [2, 1], padding: [0, 0, 1, 0] }),
    }),
    () => {
      const bounds = random.integer(2) ? { low: -0.5 } : { low: -1, high: 0.5 };
      return { channels: same, make: () => (x) => clamp(x, { ...bounds, name }) };
    },
    () => ({
      channels: same,
      make: () => (x) => multiply(x, multiply(activate(x, sigmoid()), 0.5, { name }), { name }),
    }),
    () => ({ channels: same, make: () => (x) => averagePool(x, { kernel: [2, 1], stride: [1, 1], ceil: true }) }),
    () => ({
      channels: same,
      make: (channels) => {
        const norm = use(new BatchNorm({ name, channels, momentum: random.uniform() }));
        return (x) => norm.forward(x);
      },
    }),
    () => ({
      channels: same,
      make: () => {
        const drop = use(new Dropout({ name, rate: random.uniform() / 2 }));
        return (x) => copy(drop.forward(x), { name });
      },
    }),
  ];
  return kinds[random.integer(kinds.length)]!();
}
