/** Parts of the residual networks, whose layers have the names that they have in torchvision, so that its weights fit. */
import { BatchNorm } from '../layers/batchNorm';
import type { ForwardContext } from '../layers/context';
import { Conv2d, type Conv2dOptions } from '../layers/conv2d';
import { defaultInitializer } from '../layers/initializers';
import type { Layer } from '../layers/layer';
import { Sequential } from '../layers/sequential';
import { activate } from '../ops/activation';
import type { Activation } from '../ops/activations';
import type { Tensor } from '../tensor/tensor';
import type { resolveOptions } from './model';

/** The activation, normalisation and initialiser of a network's convolutions. */
export type Style = ReturnType<typeof resolveOptions>['style'];

/** Where a convolution reads, and the names of its weight and of its normalisation. */
interface Place
  extends Pick<Conv2dOptions, 'name' | 'inputs' | 'outputs' | 'kernel' | 'stride' | 'padding' | 'groups'> {
  /** Name of the batch normalisation, if there is one. */
  norm: string;
  /** Whether the activation follows. Default true. */
  activated?: boolean;
}

/** Makes a convolution with its normalisation, which has a name of its own, and its activation. */
export function convolution({ norm, activated = true, ...place }: Place, style: Style): Layer {
  const { normalization } = style;
  const activation = activated ? style.activation : undefined;
  // Also of a convolution without an activation: the next one, or the one after the sum, reads its result.
  const initializer = style.initializer ?? defaultInitializer(style.activation);
  if (normalization !== 'batch') return new Conv2d({ ...place, activation, initializer });
  return new Sequential([
    new Conv2d({ ...place, bias: false, initializer }),
    new BatchNorm({ name: norm, channels: place.outputs }),
    ...(activation ? [activationLayer(norm, activation)] : []),
  ]);
}

/** Makes a layer that applies an activation. */
export function activationLayer(name: string, activation: Activation): Layer {
  return {
    parameters: [],
    forward(x: Tensor, context?: ForwardContext): Tensor {
      // Only rrelu differs in training. Another activation needs no context, which may then be missing.
      return activate(x, activation, { name, ...(activation.kind === 'rrelu' && { context }) });
    },
  };
}
