import { Conv2d, GlobalAveragePool, Linear, Sequential } from '../../lib/layers';
import type { Model } from '../../lib/models';
import { leakyTanh } from '../../lib/ops/activations';

/** Makes a model of two layers, for tests in which the network does not matter: it compiles in a moment. */
export function tinyModel(): Model {
  const layers = new Sequential([
    new Conv2d({ name: 'conv', inputs: 3, outputs: 4, kernel: 3, stride: 4, activation: leakyTanh() }),
    new GlobalAveragePool(),
    new Linear({ name: 'classifier', inputs: 4, outputs: 100 }),
  ]);
  return {
    ...{ name: 'tiny', width: 1, classes: 100, activation: leakyTanh(), inputShape: [28, 28, 3] },
    ...{ parameters: layers.parameters, buffers: layers.buffers },
    forward: (x, context) => layers.forward(x, context),
  };
}
