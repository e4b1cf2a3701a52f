/** Calls that were once taken for something else, silently: each is refused, or does what is meant. */
import { describe, expect, it } from 'vitest';
import {
  add,
  concat,
  constant,
  functionalModel,
  Graph,
  globalAveragePool,
  input,
  inspectModel,
  layers,
  linear,
  maxPool,
  Parameter,
  rrelu,
  Sgd,
  State,
  softmaxCrossEntropy,
} from '../../lib';
import { trainGraph } from '../../lib/train/stepGraphs';

const { BatchNorm, Conv2d, Dropout, inference, Linear, Sequential, TrainingContext } = layers;

describe('a constant', () => {
  it.each([
    [
      [
        [1, 2],
        [3, 4],
      ],
      'Expected a number (a flat array; the second argument is the shape) for data[0] of constant but received [1, 2]',
    ],
    [['a'], 'Expected a number for data[0] of constant but received "a"'],
    [Object.assign([1, 2, 3], { length: 4 }), 'Expected a number for data[3] of constant but received nothing'],
    [[1, null], 'Expected a number for data[1] of constant but received null'],
    [[1n], 'Expected a number for data[0] of constant but received 1'],
    [null, 'Expected a Float32Array, Int32Array or Uint8Array for data but received null'],
  ])('of %o is refused', (data, message) => {
    expect(() => constant(data as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message }));
  });

  it('may be NaN where that is meant', () => {
    expect(constant([Number.NaN, 1]).shape).toEqual([2]);
  });
});

describe('a layer that differs between training and inference', () => {
  const x = input('x', [4, 6, 6, 3]);
  const needing = {
    'batch normalisation': new BatchNorm({ name: 'norm', channels: 3 }),
    dropout: new Dropout({ name: 'drop', rate: 0.5 }),
    rrelu: new Conv2d({ name: 'conv', inputs: 3, outputs: 3, kernel: 1, activation: rrelu() }),
  };

  it.each(Object.entries(needing))('asks for a context outside of a model: %s', (_, layer) => {
    const refusal = expect.objectContaining({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(/^Expected layers\.inference, or new layers\.TrainingContext\(state\.counter\)/),
    });
    expect(() => layer.forward(x)).toThrow(refusal);
    expect(() => new Sequential([layer]).forward(x)).toThrow(refusal);
    expect(() => new Sequential([(image) => layer.forward(image)]).forward(x)).toThrow(refusal);
    expect(layer.forward(x, inference).shape).toEqual([4, 6, 6, 3]);
  });

  it('others need none', () => {
    expect(new Conv2d({ name: 'c', inputs: 3, outputs: 4, kernel: 1 }).forward(x).shape).toEqual([4, 6, 6, 4]);
    expect(new Dropout({ name: 'd', rate: 0 }).forward(x)).toBe(x);
  });

  /** A model whose forward pass does not hand on its context. */
  const make = () => {
    const [norm, drop] = [new BatchNorm({ name: 'n', channels: 3 }), new Dropout({ name: 'd', rate: 0.5 })];
    const top = new Linear({ name: 'top', inputs: 3, outputs: 5 });
    return functionalModel({
      parameters: [...norm.parameters, ...top.parameters],
      buffers: norm.buffers,
      inputShape: [6, 6, 3],
      classes: 5,
      forward: (image) => top.forward(drop.forward(globalAveragePool(norm.forward(image)))),
    });
  };
  const opsOf = (graph: Graph) => graph.nodes.map(({ op }) => op.name);

  it('finds the context of its model', () => {
    const model = make();
    const state = new State(model.parameters, { buffers: model.buffers });
    const { forward, ...rest } = model;
    const statistics = {
      mean: Float32Array.of(0, 0, 0),
      meanShape: [3],
      deviation: new Float32Array(3),
      scale: new Float32Array(3),
    };
    // A model that is written by hand, and does not know of `within` either.
    for (const trained of [model, { ...rest, forward: (image: Parameters<typeof forward>[0]) => forward(image) }]) {
      const graph = trainGraph({ model: trained, state, statistics, images: [9, 6, 6, 3], batch: 4 }, new Sgd());
      expect(opsOf(graph)).toEqual(expect.arrayContaining(['batchNorm', 'dropout']));
    }
    const inferred = Graph.from({ outputs: { y: model.forward(x, inference) } });
    expect(opsOf(inferred)).toContain('batchNormInference');
    const trained = Graph.from({ outputs: { y: model.forward(x, new TrainingContext(state.counter)) } });
    expect(opsOf(trained)).toEqual(expect.arrayContaining(['batchNorm', 'dropout']));
    expect(() => model.forward(x)).toThrow(/layers\.inference/);
  });
});

describe('inspectModel', () => {
  const weight = (name: string, shape: readonly number[]) =>
    new Parameter({ name, shape, decay: true, initialize: () => new Float32Array(shape.reduce((a, b) => a * b)) });

  it('has a row for each layer without a name', () => {
    const [first, second] = [weight('first', [4, 3]), weight('second', [5, 4])];
    const { layers: rows } = inspectModel(
      functionalModel({
        parameters: [first, second],
        inputShape: [8, 8, 3],
        classes: 5,
        forward: (x) => {
          const pool = { kernel: 2, stride: 2 };
          return linear(linear(globalAveragePool(maxPool(maxPool(x, pool), pool)), first), second);
        },
      }),
    );
    expect(rows.map(({ name, parameters }) => [name, parameters])).toEqual([
      ['maxPool', 0],
      ['maxPool (2)', 0],
      ['globalAveragePool', 0],
      ['linear', 12],
      ['linear (2)', 20],
    ]);
  });

  it('refuses a name', () => {
    expect(() => inspectModel('inception33' as never)).toThrow(
      /^Expected a Model for model but received "inception33"$/,
    );
  });
});

describe('arguments beyond the last', () => {
  const x = input('x', [2, 4, 4, 3]);
  it('are counted where they would be lost', () => {
    expect(add(x, x, x).shape).toEqual([2, 4, 4, 3]);
    expect(() => concat(x as never, x as never)).toThrow(/an array of Tensors for tensors/);
    const labels = input('labels', [2], { dtype: 'i32' });
    expect(() => softmaxCrossEntropy(input('logits', [2, 5]), labels, 0.1 as never)).toThrow(/but received 0\.1$/);
  });
});
