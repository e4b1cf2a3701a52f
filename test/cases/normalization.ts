/** Cases of batch normalisation (training, inference, backward), of moments, and of running averages. */
import { gradient } from '../../lib/compile/gradient';
import { activate } from '../../lib/ops/activation';
import { leakyTanh, tanh } from '../../lib/ops/activations';
import { concat, slice } from '../../lib/ops/channels';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d } from '../../lib/ops/convolution';
import { copy } from '../../lib/ops/data';
import { dropout } from '../../lib/ops/dropout';
import { linear } from '../../lib/ops/linear';
import { batchNorm, batchNormGradient, batchNormInference, blend, moments } from '../../lib/ops/normalization';
import { globalAveragePool } from '../../lib/ops/pooling';
import type { Tensor } from '../../lib/tensor/tensor';
import { all, type Fill, gaussian, mapped, saturated, scaled, special, withNaN } from './fills';
import { type Builder, type Case, type GradientProblems, graphCase } from './problem';

/** Shapes with several chunks per channel, with less than one vector of channels, and with one pixel per image. */
const shapes: readonly (readonly number[])[] = [
  [3, 5, 4, 16],
  [2, 7, 6, 48],
  [1, 40, 40, 16],
  [5, 1, 1, 32],
  [2, 31, 17, 20],
  [1, 2, 3, 7],
  [9, 33],
  [4000, 5],
  [2, 3, 21],
];

const positive: Fill = mapped(gaussian, (value) => 0.1 + Math.abs(value));

/** A mean of 100,000 standard deviations, for which sums of squares in f32 would lose all digits of the variance. */
const distant: Fill = mapped(gaussian, (value) => 1000 + 0.01 * value);

const fills: Readonly<Record<string, Fill>> = {
  '': gaussian,
  ', mean 1000 and deviation 0.01': distant,
  ', a NaN': withNaN(),
};

const tensor = (b: Builder, name: string, shape: readonly number[], fill: Fill = gaussian) =>
  shape.length === 4 ? b.f32(name, shape, fill) : b.plain(name, shape, fill);

const vectors = (b: Builder, channels: readonly number[]) => ({
  scale: b.plain('scale', channels),
  shift: b.plain('shift', channels),
});

const given = (b: Builder, channels: readonly number[]) => ({
  mean: b.plain('mean', channels),
  variance: b.plain('variance', channels, positive),
});

function batchNormCases(shape: readonly number[]): Case[] {
  const channels = shape.slice(-1);
  return Object.entries(fills).flatMap(([what, fill]) => [
    graphCase(`batchNorm [${shape}]${what}`, ['batchNorm'], (b) => ({
      ...batchNorm(tensor(b, 'x', shape, fill), vectors(b, channels)),
    })),
    graphCase(`batchNorm and its gradient [${shape}]${what}`, ['batchNorm', 'batchNormGradient'], (b) => {
      const x = tensor(b, 'x', shape, fill);
      const { scale, shift } = vectors(b, channels);
      const { y, mean, variance } = batchNorm(x, { scale, shift });
      const dy = tensor(b, 'dy', shape);
      return { y, ...batchNormGradient({ dy, x, mean, variance, scale }, { epsilon: 1e-5, frozen: false }) };
    }),
    graphCase(`batchNormInference [${shape}]${what}`, ['batchNormInference'], (b) => ({
      y: batchNormInference(tensor(b, 'x', shape, fill), { ...given(b, channels), ...vectors(b, channels) }),
    })),
    ...[true, false].map((frozen) =>
      graphCase(`batchNormGradient${frozen ? ', frozen,' : ''} [${shape}]${what}`, ['batchNormGradient'], (b) => {
        const mean = b.plain('mean', channels, fill === distant ? all(1000) : gaussian);
        const variance = b.plain('variance', channels, positive);
        const scale = b.plain('scale', channels);
        const inputs = { dy: tensor(b, 'dy', shape), x: tensor(b, 'x', shape, fill), mean, variance, scale };
        return { ...batchNormGradient(inputs, { epsilon: 1e-3, frozen }) };
      }),
    ),
  ]);
}

/** Makes a network of two convolutions with batch normalisation, one of them joined to another branch, up to the loss. */
function network(b: Builder, channels: number, normalize: (x: Tensor, name: string) => Tensor) {
  const x = b.f32('x', [3, 6, 5, 3]);
  const weights = [3, channels].map((inputs, i) => b.plain(`weight${i}`, [channels, 3, 3, inputs], scaled(0.3)));
  const [first, second] = weights as [Tensor, Tensor];
  const low = activate(normalize(conv2d(x, first, { padding: 1 }), 'low'), leakyTanh());
  const high = activate(normalize(conv2d(low, second, { padding: 1 }), 'high'), tanh());
  // A joined branch without activation, so that the normalisation itself writes the slice.
  const joined = concat([high, normalize(copy(low), 'joined')]);
  const head = b.plain('head', [4, 2 * channels]);
  const logits = linear(globalAveragePool(joined), head);
  return { loss: softmaxCrossEntropy(logits, b.labels('labels', 3, 4)).loss, targets: [x, ...weights] };
}

function networkCase(channels: number, training: boolean): Case {
  const op = training ? 'batchNorm' : 'batchNormInference';
  return graphCase(`network with ${op}, ${channels} channels, and all gradients`, [op, 'batchNormGradient'], (b) => {
    const own: Tensor[] = [];
    const { loss, targets } = network(b, channels, (x, name) => {
      const scale = b.plain(`${name} scale`, [channels]);
      const shift = b.plain(`${name} shift`, [channels]);
      own.push(scale, shift);
      if (training) return batchNorm(x, { scale, shift }).y;
      const mean = b.plain(`${name} mean`, [channels], scaled(0.1));
      const variance = b.plain(`${name} variance`, [channels], positive);
      return batchNormInference(x, { mean, variance, scale, shift });
    });
    const gradients = gradient(loss, [...targets, ...own]);
    return { loss, ...Object.fromEntries(gradients.map((result, i) => [`gradient ${i}`, result])) };
  });
}

/** Normalisations and dropout whose inputs no other op reads, so that outputs may replace them in memory. */
const inPlaceCase = (channels: number): Case =>
  graphCase(`normalization and dropout in place, ${channels} channels`, ['batchNorm', 'batchNormInference'], (b) => {
    const computed = activate(b.f32('x', [2, 5, 4, channels]), tanh());
    const { y } = batchNorm(computed, vectors(b, [channels]));
    const mean = b.plain('mean', [channels]);
    const variance = b.plain('variance', [channels], positive);
    const again = { mean, variance, scale: b.plain('scale 2', [channels]), shift: b.plain('shift 2', [channels]) };
    const normal = batchNormInference(activate(y, tanh()), again);
    return { y: activate(dropout(normal, b.i32('counter', [1, 2]), { rate: 0.2, stream: -3 }), tanh()) };
  });

/** Normalisation and dropout that read and write slices of wider images without copies. */
const sliceCase = (channels: number): Case =>
  graphCase(`batchNorm and dropout of slices of ${channels} channels`, ['batchNorm', 'dropout'], (b) => {
    const counter = b.i32('counter', [5, 6]);
    const wide = activate(b.f32('x', [2, 5, 4, 3 * channels]), tanh());
    const parts = [0, 1, 2].map((i) => slice(wide, { channelOffset: i * channels, channels })) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const { y } = batchNorm(parts[1], vectors(b, [channels]));
    const dropped = dropout(parts[2], counter, { rate: 0.4, stream: 9 });
    return { y: concat([dropped, y, copy(parts[0])]) };
  });

/** Shapes of images, matrices and vectors. */
const momentsShapes: readonly (readonly number[])[] = [
  [1],
  [19],
  [5, 100],
  [2, 3, 5],
  [3, 5, 4, 16],
  [2, 3, 3, 7],
  [4, 28, 28, 48],
];

/** Values for which the mean square minus the square of the mean would lose most digits in f32. */
const farFromZero: Fill = mapped(gaussian, (value) => 1000 + value);

const momentsFills: Readonly<Record<string, Fill>> = {
  ', far from zero': farFromZero,
  ', far into both tails': saturated,
  ', tiny': scaled(1e-18),
  ', all equal': all(0.1),
  ', infinities': special,
  ', a NaN': withNaN(),
};

export const normalizationCases: readonly Case[] = [
  ...shapes.flatMap(batchNormCases),
  graphCase('batchNorm of a constant channel', ['batchNorm'], (b) => ({
    ...batchNorm(b.f32('x', [2, 3, 3, 16], all(7.3)), vectors(b, [16])),
  })),
  networkCase(16, true),
  networkCase(5, true),
  networkCase(16, false),
  networkCase(5, false),
  inPlaceCase(16),
  inPlaceCase(5),
  sliceCase(16),
  sliceCase(7),
  ...[1, 33, 20000].map((size) =>
    graphCase(`blend of ${size}`, ['blend'], (b) => ({
      y: blend(b.plain('old', [size]), b.plain('value', [size]), { keep: 0.9, take: 0.1 }),
    })),
  ),
  graphCase('blend of a NaN', ['blend'], (b) => ({
    y: blend(b.plain('old', [40], withNaN()), b.plain('value', [40]), { keep: 0, take: 1 }),
  })),
  ...momentsShapes.map((shape) =>
    graphCase(`moments [${shape}]`, ['moments'], (b) => ({ m: moments(b.f32('x', shape)) })),
  ),
  ...Object.entries(momentsFills).map(([what, fill]) =>
    graphCase(`moments${what}`, ['moments'], (b) => ({ m: moments(b.f32('x', [3, 7, 5, 32], fill)) })),
  ),
  ...[16, 7].map((channels) =>
    graphCase(`moments of slices of ${channels} channels`, ['moments', 'slice'], (b) => {
      const joined = concat([
        activate(b.f32('x', [2, 5, 6, channels]), leakyTanh()),
        activate(b.f32('other', [2, 5, 6, 2 * channels], farFromZero), leakyTanh(0)),
      ]);
      return { joined, m: moments(slice(joined, { channelOffset: channels, channels })) };
    }),
  ),
  graphCase('moments of a pre-activation, which its activation leaves as it is', ['moments', 'conv2d'], (b) => {
    const before = conv2d(b.f32('x', [2, 6, 6, 16]), b.plain('weight', [32, 3, 3, 16]), { padding: 1 });
    return { m: moments(before), y: activate(before, leakyTanh()) };
  }),
];

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const normalizationGradients: GradientProblems = {
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
};
