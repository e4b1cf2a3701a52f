/** Cases of small networks of the paper's two blocks, with loss and all gradients, in which every pass has something to do. */
import { gradient } from '../../lib/compile/gradient';
import { inference } from '../../lib/layers/context';
import { halvingPool } from '../../lib/layers/halvingPool';
import { activate, activationGradient, formatActivation } from '../../lib/ops/activation';
import { type Activation, leakyTanh, relu, scaledSigmoid, sigmoid } from '../../lib/ops/activations';
import { add, concat } from '../../lib/ops/channels';
import { countCorrect, softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d, conv2dDgrad, conv2dWgrad } from '../../lib/ops/convolution';
import { linear } from '../../lib/ops/linear';
import { averagePool, globalAveragePool, maxPool } from '../../lib/ops/pooling';
import type { Tensor } from '../../lib/tensor/tensor';
import { scaled } from './fills';
import { type Builder, type Case, graphCase } from './problem';

/** Builds layers and remembers their weights. */
class Network {
  readonly parameters: Tensor[] = [];

  constructor(
    readonly b: Builder,
    readonly activation: Activation,
  ) {}

  convolution(x: Tensor, channels: number, kernel: number, stride = 1): Tensor {
    const input = x.shape[3] as number;
    const name = `w${this.parameters.length}`;
    const weight = this.b.plain(
      name,
      [channels, kernel, kernel, input],
      scaled(1.4 / Math.sqrt(kernel * kernel * input)),
    );
    const bias = this.b.plain(`${name} bias`, [channels], scaled(0.1));
    this.parameters.push(weight, bias);
    return activate(conv2d(x, weight, { bias, stride, padding: (kernel - 1) / 2 }), this.activation);
  }

  blockA(x: Tensor, [one, reduce, three, projection]: readonly [number, number, number, number], pool: typeof maxPool) {
    return concat([
      this.convolution(x, one, 1),
      this.convolution(this.convolution(x, reduce, 1), three, 3),
      this.convolution(this.convolution(this.convolution(x, reduce, 1), three, 3), three, 3),
      this.convolution(pool(x, { kernel: 3, stride: 1, padding: 1 }), projection, 1),
    ]);
  }

  blockB(x: Tensor, reduce: number, three: number) {
    return concat([
      this.convolution(this.convolution(x, reduce, 1), three, 3, 2),
      this.convolution(this.convolution(this.convolution(x, reduce, 1), three, 3), three, 3, 2),
      halvingPool('pool').forward(x, inference),
    ]);
  }

  classifier(x: Tensor, classes: number): Tensor {
    const pooled = globalAveragePool(x);
    const weight = this.b.plain('classifier', [classes, pooled.shape[1] as number], scaled(0.5));
    const bias = this.b.plain('classifier bias', [classes], scaled(0.1));
    this.parameters.push(weight, bias);
    return linear(pooled, weight, { bias });
  }
}

function results(network: Network, x: Tensor, logits: Tensor) {
  const [batch = 1, classes = 1] = logits.shape;
  const labels = network.b.labels('labels', batch, classes);
  const { loss } = softmaxCrossEntropy(logits, labels);
  const gradients = gradient(loss, [x, ...network.parameters]);
  const named = Object.fromEntries(gradients.map((tensor, i) => [i === 0 ? 'dx' : `gradient ${i}`, tensor]));
  return { loss, correct: countCorrect(logits, labels), logits, ...named };
}

type Widths = readonly [one: number, reduce: number, three: number, projection: number];

function blockCase(
  kind: 'A' | 'B',
  activation: Activation,
  channels: number,
  widths: Widths,
  pool = averagePool,
  size: readonly [number, number] = [6, 4],
): Case {
  const how = kind === 'A' ? `${pool === maxPool ? 'max' : 'average'} pool, ` : '';
  const pixels = String(size) === '6,4' ? '' : `${size.join('x')} pixels, `;
  const name = `block ${kind}, ${how}${pixels}${formatActivation(activation)}, ${channels} -> ${widths} channels, and its gradients`;
  return graphCase(name, ['conv2d', 'concat', 'softmaxCrossEntropy'], (b) => {
    const network = new Network(b, activation);
    const x = b.f32('x', [2, ...size, channels]);
    const [, reduce, three] = widths;
    const y = kind === 'A' ? network.blockA(x, widths, pool) : network.blockB(x, reduce, three);
    return results(network, x, network.classifier(y, 5));
  });
}

const networkCase = (name: string, width: number): Case =>
  graphCase(`stem, A, B, A, ${name}, and all gradients`, ['conv2d', 'concat', 'softmaxCrossEntropy'], (b) => {
    const network = new Network(b, leakyTanh());
    const x = b.f32('x', [2, 6, 4, 3]);
    const widths: Widths = [width, width, width, width];
    const stem = network.convolution(network.convolution(x, width, 3), width, 1);
    const middle = network.blockB(network.blockA(stem, widths, averagePool), width, width);
    const top = network.blockA(middle, widths, maxPool);
    return results(network, x, network.classifier(top, 5));
  });

/** 1x1 convolutions that read one image, forward and backward, of ops that every backend has. */
const siblingCase = (channels: number, outputs: readonly number[]): Case =>
  graphCase(`siblings, ${channels} -> ${outputs} channels, and their gradients`, ['conv2d', 'rows'], (b) => {
    const x = activate(b.f32('x', [2, 5, 4, channels]), leakyTanh());
    const size = [2, 5, 4] as const;
    const branches = outputs.map((count, i) => {
      const weight = b.plain(`w${i}`, [count, 1, 1, channels], scaled(1.4 / Math.sqrt(channels)));
      const y = activate(conv2d(x, weight), leakyTanh(), { bias: b.plain(`bias${i}`, [count], scaled(0.1)) });
      const { attributes, name } = y.node;
      const { dx: dy, dbias } = activationGradient(b.f32(`dy${i}`, [...size, count]), y, attributes, { name });
      const convolution = y.node.inputs[0]?.node.attributes ?? {};
      const { dweight } = conv2dWgrad(x, dy, weight.shape, convolution);
      return { y, dbias, dweight, dx: conv2dDgrad(dy, weight, x.shape, convolution) };
    });
    const named = branches.flatMap(({ y, dbias, dweight }, i) =>
      Object.entries({ y, dbias, dweight }).map(([name, tensor]) => [`${name} ${i}`, tensor]),
    );
    const joined = concat(branches.map(({ y }) => y));
    return { joined, dx: add(...branches.map(({ dx }) => dx)), ...Object.fromEntries(named) };
  });

export const blockCases: readonly Case[] = [
  blockCase('A', leakyTanh(), 16, [16, 16, 16, 16]),
  blockCase('A', relu(), 32, [16, 16, 16, 32], maxPool),
  blockCase('A', scaledSigmoid(), 7, [5, 3, 6, 4]),
  blockCase('B', leakyTanh(), 16, [0, 16, 16, 0]),
  blockCase('B', sigmoid(), 20, [0, 7, 9, 0]),
  blockCase('B', leakyTanh(), 16, [0, 16, 16, 0], undefined, [7, 5]),
  blockCase('B', leakyTanh(), 16, [0, 16, 16, 0], undefined, [1, 4]),
  blockCase('B', leakyTanh(), 7, [0, 5, 6, 0], undefined, [6, 3]),
  siblingCase(32, [16, 32, 16]),
  siblingCase(7, [5, 3, 20]),
  networkCase('16 channels each', 16),
  networkCase('5 channels each', 5),
];
