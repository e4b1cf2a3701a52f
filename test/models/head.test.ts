/** The head of a network: which layers are one, and a network of a file with another one. */
import { describe, expect, test } from 'vitest';
import { Conv2d, type Layer, Linear } from '../../lib/layers';
import { createModel, functionalModel, type Model } from '../../lib/models';
import { headOf } from '../../lib/models/head';
import { checkForm } from '../../lib/models/saved/form';
import { withClasses } from '../../lib/models/saved/newHead';
import { rebuildNetwork } from '../../lib/models/saved/rebuild';
import { recordNetwork } from '../../lib/models/saved/record';
import { add, concat } from '../../lib/ops/channels';
import { conv2d } from '../../lib/ops/convolution';
import { globalAveragePool, maxPool } from '../../lib/ops/pooling';
import { constant, type Tensor } from '../../lib/tensor/tensor';
import { branchedModel, builtInNames } from './networks';

const names = (model: Model): string[] => [...headOf(model)].map(({ name }) => name);

const network = (layers: readonly Layer[], forward: (x: Tensor) => Tensor): Model =>
  functionalModel({
    parameters: layers.flatMap(({ parameters }) => [...parameters]),
    ...{ buffers: layers.flatMap(({ buffers = [] }) => [...buffers]), inputShape: [6, 6, 3], classes: 5 },
    forward,
  });
const linear = (name: string) => new Linear({ name, inputs: 3, outputs: 5 });
const convolution = (name: string, options: object = {}) =>
  new Conv2d({ name, inputs: 3, outputs: 5, kernel: 3, padding: 1, ...options });

describe('a head', () => {
  test.each(builtInNames)('of %s is its classifier', (name) => {
    const model = createModel(name, { width: 0.1, size: 32, classes: 7, dropout: 0.1 });
    expect(names(model)).toEqual(model.parameters.slice(-2).map((parameter) => parameter.name));
  });

  test('may be used twice, be a convolution with pooling behind it, or two layers whose results are added', () => {
    expect(names(branchedModel())).toEqual(['head/weight', 'head/bias']);
    const last = convolution('last');
    const pooled = network([last], (x) => globalAveragePool(maxPool(last.forward(x), { kernel: 2, stride: 2 })));
    expect(names(pooled).sort()).toEqual(['last/bias', 'last/weight']);
    const [a, b] = [linear('a'), linear('b')];
    const sum = network([a, b], (x) => add(a.forward(globalAveragePool(x)), b.forward(globalAveragePool(x))));
    expect(names(sum).sort()).toEqual(['a/bias', 'a/weight', 'b/bias', 'b/weight']);
  });

  test.each<[string, () => Model, RegExp]>([
    [
      'behind normalisation',
      () => {
        const last = convolution('last', { normalization: 'batch' });
        return network([last], (x) => globalAveragePool(last.forward(x)));
      },
      /^it ends with batchNormInference "last", and a new last layer can only take the place of a linear layer or/,
    ],
    [
      'of joined parts',
      () => {
        const [two, three] = [2, 3].map((outputs) => convolution(`last${outputs}`, { outputs }));
        return network([two!, three!], (x) => globalAveragePool(concat([two!.forward(x), three!.forward(x)])));
      },
      /^it ends with concat, /,
    ],
    [
      'that is fixed',
      () => {
        const first = convolution('first', { outputs: 3 });
        const fixed = constant(new Float32Array(15), [5, 1, 1, 3]);
        return network([first], (x) => globalAveragePool(conv2d(first.forward(x), fixed, { name: 'fixed' })));
      },
      /^conv2d "fixed" at its end reads "constant" \[5,1,1,3\], which is not a parameter with a row for each of its 5 classes$/,
    ],
    [
      'whose results something else reads',
      () => {
        const [first, last] = [convolution('first'), new Linear({ name: 'last', inputs: 5, outputs: 5 })];
        return network([first, last], (x) => {
          const pooled = globalAveragePool(first.forward(x));
          return add(pooled, last.forward(pooled));
        });
      },
      /^"\w+" of its last layer is also read by linear "last"$/,
    ],
  ])('%s cannot be replaced', (_, make, message) => {
    expect(() => headOf(make())).toThrow(message);
  });
});

test('a saved network gets another number of classes, and everything but its head stays', () => {
  const model = branchedModel();
  const { network: saved, constants } = recordNetwork(model);
  const changed = withClasses(saved, new Set(names(model)), 4);
  const lines = (value: object) => JSON.stringify(value).split(/(?<=\}),/);
  const different = lines(changed).filter((line) => !lines(saved).includes(line));
  // Weight and bias; in both passes two linear nodes and their sum; in that of training a dropout is no part of the head.
  expect(different.length).toBe(2 + 2 * 3);
  const tensors = new Map(
    [...model.parameters, ...model.buffers!].map(({ name, shape, size }) => [
      name,
      { shape, data: new Float32Array(size).fill(0.25) },
    ]),
  );
  for (const [name, values] of constants) tensors.set(name, values as never);
  const fresh = new Map(names(model).map((name) => [name, (shape: readonly number[]) => new Float32Array(shape[0]!)]));
  const rebuilt = rebuildNetwork(checkForm(JSON.parse(JSON.stringify(changed))), tensors, fresh);
  expect(rebuilt.classes).toBe(4);
  expect(rebuilt.parameters.filter(({ name }) => name.startsWith('head')).map(({ shape }) => shape)).toEqual([
    [4, 32],
    [4],
  ]);
  // Without an initialiser the values of the file are read, and do not fit.
  expect(() => rebuildNetwork(changed, tensors)).toThrow(
    /expected shape \[4,32\] for "head\/weight" but received \[10,32\]/,
  );
});
