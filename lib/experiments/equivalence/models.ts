/** The sigmoid* networks on which rules are compared. */
import { checkInteger, invalid } from '../../errors';
import { AveragePool, Concatenate, Conv2d, GlobalAveragePool, Linear, MaxPool, Sequential } from '../../layers';
import type { Layer } from '../../layers/layer';
import { inception33 } from '../../models/inception33';
import type { Model } from '../../models/model';
import { scaledSigmoid } from '../../ops/activations';

export const equivalenceModels = ['chain', 'small', 'smallMax', 'inception33'] as const;
export type EquivalenceModelName = (typeof equivalenceModels)[number];

export interface EquivalenceModelOptions {
  /** Zeros around the image of every convolution that is larger than 1x1, so that it keeps its size. */
  padding: boolean;
  classes: number;
  /** Height and width of the images: a multiple of 4. */
  size: number;
  /** Of inception33. */
  width: number;
}

/**
 * chain: eight 3x3 convolutions of 16 channels. small: two blocks of three branches (a 3x3, a 3x3 behind a 1x1, a 1x1 behind
 * an average pool), concatenated; a pool and a convolution with stride 2 between them. smallMax: the same with max pools.
 * inception33: the paper's, which needs its padding, and has both.
 * @throws ERR_INVALID_ARGUMENT
 */
export function equivalenceModel(name: EquivalenceModelName, options: EquivalenceModelOptions): Model {
  const { padding, classes, size, width } = options;
  if (!equivalenceModels.includes(name)) throw invalid('model', equivalenceModels.join(', '), name);
  if (name === 'inception33') {
    if (!padding) throw invalid('padding', 'true for inception33, whose branches have one size only with it', padding);
    return inception33({ width, classes, size, activation: scaledSigmoid() });
  }
  // Without padding every 3x3 takes two rows away; the last one has to have nine of them to look at.
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
    forward: (x, context) => layers.forward(x, context),
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
  // Without padding, a 1x1 alone would be two rows larger than the branches beside it: all three have something 3x3 in them.
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
