/** The sigmoid* networks on which the rules are compared. */

import { checkInteger, invalid } from '../../errors';
import { AveragePool, Concatenate, Conv2d, GlobalAveragePool, Linear, MaxPool, Sequential } from '../../layers';
import { contextOf, within } from '../../layers/context';
import type { Layer } from '../../layers/layer';
import { inception33 } from '../../models/inception33';
import type { Model } from '../../models/model';
import { scaledSigmoid } from '../../ops/activations';

/** Names of the networks. */
export const equivalenceModels = ['chain', 'small', 'smallMax', 'inception33'] as const;
export type EquivalenceModelName = (typeof equivalenceModels)[number];

/** Options of equivalenceModel(). */
export interface EquivalenceModelOptions {
  /** Pads every convolution larger than 1x1 with zeros, so that the image keeps its size. */
  padding: boolean;
  classes: number;
  /** Height and width of the images: at least 4 with padding, 20 without. */
  size: number;
  /** Factor on the channel counts of inception33; the other networks do not use it. */
  width: number;
}

/**
 * Makes a network:
 * - chain: eight 3x3 convolutions of 16 channels.
 * - small: two blocks of three concatenated branches (a 3x3; a 1x1, then a 3x3; an average pool, then a 1x1), and between the
 *   blocks a pool and a convolution, both with stride 2.
 * - smallMax: the same with max pools.
 * - inception33: the paper's network, with average and max pools. It needs padding.
 * @throws ERR_INVALID_ARGUMENT for an unknown name, inception33 without padding, or a size that is too small
 */
export function equivalenceModel(name: EquivalenceModelName, options: EquivalenceModelOptions): Model {
  const { padding, classes, size, width } = options;
  if (!equivalenceModels.includes(name)) throw invalid('model', equivalenceModels.join(', '), name);
  if (name === 'inception33') {
    if (!padding)
      throw invalid('padding', 'true for inception33, whose branches have different sizes without it,', padding);
    return inception33({ width, classes, size, activation: scaledSigmoid() });
  }
  // Without padding, every 3x3 takes two rows and columns away. 20 is enough for the last 3x3.
  checkInteger('size', size, padding ? 4 : 20);
  const pad = padding ? 1 : 0;
  const trunk = name === 'chain' ? chain(pad) : small(pad, name === 'small' ? AveragePool : MaxPool);
  const layers = new Sequential([
    ...trunk.layers,
    new GlobalAveragePool({ name: 'pool' }),
    new Linear({ name: 'classifier', inputs: trunk.channels, outputs: classes }),
  ]);
  return {
    name,
    width: 1,
    classes,
    activation: scaledSigmoid(),
    inputShape: [size, size, 3],
    parameters: layers.parameters,
    forward: (x, context) => within(contextOf(context), () => layers.forward(x)),
  };
}

interface Trunk {
  readonly layers: readonly Layer[];
  readonly channels: number;
}

const channels = 16;

const conv = (name: string, inputs: number, kernel: 1 | 3, padding: 0 | 1, stride = 1) =>
  new Conv2d({
    ...{ name, inputs, outputs: channels, kernel, stride },
    ...{ padding: kernel === 3 ? padding : 0, activation: scaledSigmoid() },
  });

function chain(padding: 0 | 1): Trunk {
  const layers = Array.from({ length: 8 }, (_, index) =>
    conv(`conv${index + 1}`, index === 0 ? 3 : channels, 3, padding),
  );
  return { layers, channels };
}

function small(padding: 0 | 1, Pool: typeof AveragePool | typeof MaxPool): Trunk {
  // Every branch has exactly one 3x3. Without padding, a branch without it would be two rows larger than the others.
  const block = (name: string, inputs: number) =>
    new Concatenate(
      [
        conv(`${name}/3x3`, inputs, 3, padding),
        new Sequential([conv(`${name}/d3x3r`, inputs, 1, padding), conv(`${name}/d3x3`, channels, 3, padding)]),
        new Sequential([
          new Pool({ kernel: 3, stride: 1, padding, name: `${name}/pool` }),
          conv(`${name}/projection`, inputs, 1, padding),
        ]),
      ],
      { name },
    );
  const wide = 3 * channels;
  return {
    layers: [
      conv('stem', 3, 3, padding),
      block('a', channels),
      new Pool({ kernel: 2, stride: 2, name: 'halve' }),
      conv('stride', wide, 3, padding, 2),
      block('b', channels),
    ],
    channels: wide,
  };
}
