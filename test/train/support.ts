/** A small network and small data for tests of training. */
import { afterEach } from 'vitest';
import { Dataset } from '../../lib/data/dataset';
import { generatedRecords } from '../../lib/data/generated';
import {
  Conv2d,
  GlobalAveragePool,
  inceptionA,
  inceptionB,
  Linear,
  type Normalization,
  Sequential,
} from '../../lib/layers';
import type { Model } from '../../lib/models';
import { type Activation, leakyTanh } from '../../lib/ops/activations';
import { openDevice } from '../../lib/runtime/device';
import type { State } from '../../lib/tensor/state';
import { Trainer, type TrainerOptions } from '../../lib/train/trainer';

/** Makes a small model that has every kind of layer. */
export function smallModel({
  activation = leakyTanh(),
  normalization,
}: {
  activation?: Activation;
  normalization?: Normalization;
} = {}): Model {
  const style = { activation, normalization };
  const sizes = { c1: 16, c3r: 16, c3: 16, d3r: 16, d3: 16, projection: 16, ...style };
  const layers = new Sequential([
    new Conv2d({ name: 'stem', inputs: 3, outputs: 16, kernel: 3, stride: 2, padding: 1, ...style }),
    inceptionA({ name: 'a', inputs: 16, pool: 'average', ...sizes }),
    inceptionB({ name: 'b', inputs: 64, c3r: 16, c3: 16, d3r: 16, d3: 16, ...style }),
    inceptionA({ name: 'c', inputs: 96, pool: 'max', ...sizes }),
    new GlobalAveragePool(),
    new Linear({ name: 'classifier', inputs: 64, outputs: 100 }),
  ]);
  return {
    name: 'small',
    width: 1,
    classes: 100,
    activation,
    inputShape: [28, 28, 3],
    parameters: layers.parameters,
    buffers: layers.buffers,
    forward: (x, context) => layers.forward(x, context),
  };
}

export function smallData(train = 100, test = 50): { train: Dataset; test: Dataset } {
  return {
    train: Dataset.fromRecords(generatedRecords({ split: 'train', count: train })),
    test: Dataset.fromRecords(generatedRecords({ split: 'test', count: test })),
  };
}

/** Makes a trainer with a small model and small data. The caller must dispose of it. */
export const trainerOf = (options: Partial<TrainerOptions> = {}): Trainer =>
  new Trainer({ model: smallModel(), ...smallData(), device: cpu(), batch: 16, ...options });

/**
 * Returns a function that makes trainers with small data, `defaults()` and its own options, and disposes of them after each test.
 * Epochs have three steps.
 */
export function trainersWith(defaults: () => Partial<TrainerOptions>): (options?: Partial<TrainerOptions>) => Trainer {
  const trainers: Trainer[] = [];
  afterEach(() => {
    for (const trainer of trainers.splice(0)) trainer.dispose();
  });
  return (options = {}) => {
    const trainer = trainerOf({ ...smallData(40, 20), ...defaults(), ...options });
    trainers.push(trainer);
    return trainer;
  };
}

export const cpu = () => openDevice('cpu');

/** Returns the bytes of all State that training changes. */
export async function snapshot(state: State): Promise<Buffer> {
  const arenas = [];
  for (const arena of ['parameters', 'optimizer', 'buffers'] as const) arenas.push(await state.readArena(arena));
  return Buffer.concat(arenas);
}
