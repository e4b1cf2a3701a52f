/** Values of a wrong kind, each found by the fuzzer of the API: an error with a code names the argument, also for the brothers. */
import { describe, expect, it, test } from 'vitest';
import {
  add,
  type Chart,
  chartSvg,
  createModel,
  Dataset,
  evaluate,
  functionalModel,
  Graph,
  getData,
  globalAveragePool,
  input,
  inspectModel,
  layers,
  type Model,
  openDevice,
  optimize,
  philox4x32,
  Sgd,
  scaledSigmoid,
  type Tensor,
  Trainer,
  tanh,
  writeReport,
} from '../../lib';
import * as experiments from '../../lib/experiments';
import { temporaryFolder } from '../temporary';

const refusal = (message: string | RegExp, code = 'ERR_INVALID_ARGUMENT') =>
  expect.objectContaining({ code, message: typeof message === 'string' ? message : expect.stringMatching(message) });

const holes: never[] = Object.assign([], { length: 2 ** 32 - 1 });

describe('an array with 2^32 - 1 holes is refused at once', () => {
  const hole = /^Expected an element in every place of an array for \S+\[0\]\S* but received nothing$/;

  it.each([
    ['chainPage()', () => experiments.chainPage(holes, {})],
    ['variancePage()', () => experiments.variancePage(holes, 'model', {})],
    ['equivalencePage()', () => experiments.equivalencePage({ settings: {}, comparisons: holes }, {})],
    ['describeLayerRates()', () => experiments.describeLayerRates('gain', holes)],
    ['chartSvg()', () => chartSvg({ id: 'a', title: '', x: { label: '' }, y: { label: '' }, series: holes })],
    ['writeReport()', () => writeReport(temporaryFolder(), { ...page, settings: { a: { b: holes } } })],
  ])('%s', (_, call) => {
    expect(call).toThrow(refusal(hole));
  });

  it('evaluate()', async () => {
    await expect(evaluate(holes)).rejects.toThrow(refusal(/^Expected Tensors .* for tensors but received nothing$/));
  });

  it('data that contain themselves are looked through once', () => {
    const settings: Record<string, unknown> = {};
    settings.self = settings;
    expect(() => writeReport(temporaryFolder(), { ...page, settings })).toThrow(refusal(/circular/));
  });
});

const page = { title: '', lead: '', tables: [], charts: [] };

describe('a name that is no text is not made one', () => {
  // Object.hasOwn() would turn each into a string, which for the first takes a string of 2^32 commas.
  const names = { holes: [holes], bare: Object.create(null), symbol: Symbol('a'), array: ['cifar10'], null: null };
  it.each(Object.keys(names) as (keyof typeof names)[])('%s', async (kind) => {
    const name: unknown = names[kind];
    await expect(getData(name as never)).rejects.toThrow(refusal(/^Expected cifar10 or cifar100 for name/));
    expect(() => createModel(name as never)).toThrow(refusal(/^Expected one of inception33, .* for model/));
    await expect(experiments.table1({ preset: name as never, out: temporaryFolder() })).rejects.toThrow(
      refusal(/ for preset but received /),
    );
  });
});

describe('an array without the methods of arrays is refused', () => {
  const bare = <T>(array: T[], prototype: object | null): T[] => Object.setPrototypeOf([...array], prototype);

  it.each([
    ['null', null],
    ['a typed array', new Float64Array(1)],
  ])('prototype: %s', (_, prototype) => {
    const data = Dataset.from({ images: new Uint8Array(6), labels: [0, 1], shape: [1, 1, 3] });
    expect(() => data.subset(bare([0], prototype))).toThrow(refusal(/^Expected an Int32Array for indices/));
    expect(() => philox4x32(bare([0, 1, 2, 3], prototype) as never, [4, 5])).toThrow(
      refusal(/^Expected 4 words of 32 bits for counter/),
    );
    expect(() => new layers.Sequential(bare([], prototype))).toThrow(refusal(/^Expected an array of layers/));
    expect(() => new Sgd({ groups: bare([], prototype) })).toThrow(refusal(/ for groups /));
    expect(() => input('x', bare([2, 3], prototype))).toThrow(refusal(/^Expected 1 to 4 positive integers/));
  });

  it('one of a class of arrays is an array', () => {
    class Own extends Array<number> {}
    expect(input('x', Own.of(2, 3)).shape).toEqual([2, 3]);
  });
});

describe('a class in the place of a function is refused', () => {
  class Own {}
  it.each([
    ['variance()', () => experiments.variance({ model: Own as never, activations: [tanh()], train: tiny() }), 'model'],
    ['equivalence()', () => experiments.equivalence({ model: Own as never }), 'model'],
    ['varianceChain()', () => experiments.varianceChain({ activations: [], magnitude: Own as never }), 'magnitude'],
  ])('%s', async (_, call, option) => {
    await expect(call()).rejects.toThrow(refusal(new RegExp(` for ${option} but received a class$`)));
  });

  it('a function that is frozen is a function', () => {
    const layer = Object.freeze(function own(x: Tensor) {
      return x;
    });
    const x = input('x', [2, 3]);
    expect(new layers.Sequential([layer]).forward(x)).toBe(x);
    expect(() => new layers.Sequential([Map as never])).toThrow(refusal(/received a class$/));
  });

  it('a layer: the name of its class, without new', () => {
    const message = 'Expected layers and functions of a tensor for layers but received a class';
    expect(() => new layers.Sequential([layers.Dropout as never])).toThrow(refusal(message));
    expect(() => new layers.Concatenate([layers.Dropout as never])).toThrow(refusal(message));
  });

  it('a model', () => {
    const { parameters } = createModel('subInception', { width: 0.02 });
    const options = { parameters, inputShape: [4, 4, 3], classes: 5, forward: Own } as never;
    expect(() => functionalModel(options)).toThrow(refusal('Expected a function for forward but received a class'));
  });
});

const tiny = () => Dataset.from({ images: new Uint8Array(6), labels: [0, 1], shape: [1, 1, 3] });

describe('a context that is none is refused', () => {
  const x = input('x', [2, 4, 4, 3]);
  const made: Record<string, { forward: Model['forward'] }> = {
    Dropout: new layers.Dropout({ name: 'd', rate: 0.5 }),
    'Dropout of rate 0': new layers.Dropout({ name: 'd', rate: 0 }),
    BatchNorm: new layers.BatchNorm({ name: 'n', channels: 3 }),
    'Conv2d with rrelu': new layers.Conv2d({
      ...{ name: 'c', inputs: 3, outputs: 3, kernel: 1 },
      activation: { kind: 'rrelu', slope: 0.2, range: [0.1, 0.3] },
    }),
    Sequential: new layers.Sequential([(image) => image]),
    Concatenate: new layers.Concatenate([(image) => image]),
    model: createModel('subInception', { width: 0.02, size: 4 }),
  };
  const wrong = [null, 5, {}, { training: true }, { training: 1, counter: null, remember() {} }];

  it.each(Object.entries(made))('%s', (_, { forward }) => {
    for (const context of wrong)
      expect(() => forward.call(made[_], x, context as never)).toThrow(
        refusal(/^Expected layers\.inference, or new layers\.TrainingContext\(state\.counter\) .* for context but/),
      );
  });

  it('and an x that is no tensor', () => {
    const dropout = new layers.Dropout({ name: 'd', rate: 0 });
    const message = '[dropout] Expected a tensor for x but received 5';
    expect(() => dropout.forward(5 as never, layers.inference)).toThrow(refusal(message, 'ERR_SHAPE'));
  });
});

test('a warm-up that is no text', () => {
  const recipe = { ...experimentRecipe, warmup: 2 as never };
  expect(() => experiments.partsOf(recipe, 5)).toThrow(
    refusal('Expected a positive number of epochs, or of steps as in "500steps", for warm-up but received 2'),
  );
});

const experimentRecipe: experiments.Recipe = {
  ...{ model: 'subInception', width: 0.02, activation: 'tanh', init: 'default', epochs: 1, batch: 2 },
  ...{ precision: 'f32', learningRate: 0.1, schedule: 'constant', warmup: null, momentum: 0.9 },
  ...{ weightDecay: 0, clipNorm: null, seed: 0 },
};

describe('a chart names the place that is wrong', () => {
  const chart: Chart = {
    ...{ id: 'c', title: 't', x: { label: 'x' }, y: { label: 'y' } },
    series: [{ name: 's', points: [[0, 1]] }],
  };
  const series = (changed: object) => ({ series: [{ name: 's', points: [], ...changed }] });

  it.each([
    [
      series({ points: [{ x: 0, y: 1 }] }),
      'Expected a point [x, y] for series[0].points[0] of chart "c" but received Object',
    ],
    [
      series({ points: [[0, 1], [1]] }),
      'Expected a point [x, y] for series[0].points[1] of chart "c" but received [1]',
    ],
    [series({ points: [[0, '1']] }), /series\[0\]\.points\[0\] of chart "c" but received \[0, "1"\]$/],
    [series({ band: [[0, 1]] }), 'Expected [x, low, high] for series[0].band[0] of chart "c" but received [0, 1]'],
    [series({ color: 1 }), 'a series of a chart has no option "color": did you mean "colour"?'],
    [{ series: {} }, 'Expected an array of series for series of chart "c" but received Object'],
    [{ y: { label: 'y', max: Number.NaN } }, 'Expected a finite number for y.max of chart "c" but received NaN'],
    [{ title: 1 }, 'Expected a string for title of chart "c" but received 1'],
  ])('%o', (changed, message) => {
    expect(() => chartSvg({ ...chart, ...changed } as never)).toThrow(refusal(message));
    expect(() =>
      writeReport(temporaryFolder(), { ...page, settings: {}, charts: [{ ...chart, ...changed } as never] }),
    ).toThrow(refusal(message));
  });

  it('a text that is a name of a member of all objects is drawn, and changes no object', () => {
    const names = Object.getOwnPropertyNames(Object.prototype);
    const keys = () =>
      [Object, Object.prototype, ...names.map((name) => Object(chart)[name])].map((one) => Reflect.ownKeys(one ?? {}));
    const before = keys();
    for (const name of names) {
      const all = { title: `a ${name} b`, x: { label: name, categories: [name, 'b'] }, y: { label: name } };
      const one = { ...chart, ...all, series: [{ name, points: [[0, 1] as const] }] };
      expect(chartSvg(one)).not.toContain('NaN');
      writeReport(temporaryFolder(), { ...page, settings: {}, charts: [one] });
      expect(keys(), name).toEqual(before);
    }
  });

  it('JSON has null in place of NaN, which is a gap', () => {
    expect(
      chartSvg({
        ...chart,
        ...series({
          points: [
            [0, null],
            [1, 2],
          ],
        }),
      } as never),
    ).toContain('<svg');
  });
});

describe('experiments', () => {
  it('mapParameters() asks for the values of each parameter, as many as it has', () => {
    const conv = new layers.Conv2d({ name: 'c', inputs: 3, outputs: 2, kernel: 1, activation: scaledSigmoid() });
    const top = new layers.Linear({ name: 'top', inputs: 2, outputs: 2 });
    const model = functionalModel({
      ...{ parameters: [...conv.parameters, ...top.parameters], inputShape: [4, 4, 3], classes: 2 },
      forward: (x) => top.forward(globalAveragePool(conv.forward(x))),
    });
    const twin = experiments.sigmoidTwin(model);
    const all = new Map(model.parameters.map(({ name, size }) => [name, new Float32Array(size)]));
    const without = (name: string, values?: Float32Array<ArrayBuffer>) => {
      const star = new Map(all);
      if (values) star.set(name, values);
      else star.delete(name);
      return () => experiments.mapParameters(twin, star);
    };
    expect(without('c/weight')).toThrow(
      refusal('Expected 6 numbers for values of "c/weight" in star but received nothing'),
    );
    expect(without('top/bias', new Float32Array(3))).toThrow(
      refusal('Expected 2 numbers for values of "top/bias" in star but received 3'),
    );
    expect(() => experiments.mapParameters(twin, {} as never)).toThrow(
      refusal('Expected a Map of the values of all parameters, by name, for star but received Object'),
    );
  });

  it('runTrainings() looks at each training before it begins', async () => {
    const training = { ...experiments.trainingOf('l', 'f', experimentRecipe, 5), folder: 5 as never };
    const options = { folder: temporaryFolder(), trainings: [training], data: { train: tiny(), test: tiny() } };
    await expect(experiments.runTrainings({ ...options, device: openDevice('cpu') })).rejects.toThrow(
      refusal(/^Expected a training, \{ label, folder, settings, epochs, make \} for trainings\[0\]/),
    );
  });
});

describe('the result of a function of the caller is looked at', () => {
  const data = () => Dataset.from({ images: new Uint8Array(96), labels: [0, 1], shape: [4, 4, 3] });
  const model = () => createModel('subInception', { width: 0.02, size: 4, classes: 2 });

  it('a pass', () => {
    const graph = Graph.from({ outputs: { y: add(input('x', [2, 3]), input('z', [2, 3])) } });
    const nothing = (() => undefined) as never;
    expect(() => optimize(graph, [nothing])).toThrow(
      refusal('Expected a Graph for the result of nothing but received nothing'),
    );
    expect(() => optimize(graph, [() => 5 as never])).toThrow(
      refusal('Expected a Graph for the result of a pass but received 5'),
    );
  });

  it.each([
    ['equivalence()', () => experiments.equivalence({ model: () => undefined as never, device: 'cpu' })],
    ['variance()', () => experiments.variance({ model: () => 5 as never, activations: [tanh()], train: data() })],
  ])('the model of %s', async (_, call) => {
    await expect(call()).rejects.toThrow(refusal(/^Expected a Model for the result of model\(\) but received/));
  });

  it('a forward pass', () => {
    const wrong = { ...model(), forward: () => undefined as never };
    for (const call of [
      () => experiments.layerFactors(wrong, 'gain'),
      () => experiments.sigmoidTwin(wrong),
      () => inspectModel(wrong),
    ])
      expect(call).toThrow(refusal('Expected a Tensor for the result of forward() but received nothing'));
  });

  it('the update of an optimizer', async () => {
    const optimizer = { slots: 0, update: () => ({ updates: [] }) as never };
    using trainer = new Trainer({ model: model(), train: data(), test: data(), device: 'cpu', optimizer });
    await expect(trainer.fit({ steps: 1 })).rejects.toThrow(
      refusal('Expected { updates, gate, gradientNorm } for the result of update() but received Object'),
    );
  });
});

describe('a model made by hand whose parts are none', () => {
  const model = createModel('subInception', { width: 0.02, size: 4 });
  const parameters = [undefined, ...model.parameters.slice(1)] as never;
  it.each([
    ['a parameter', { parameters }],
    ['holes', { parameters: Object.assign([], { length: 3 }) }],
    ['buffers', { buffers: [5] as never }],
    ['a shape', { inputShape: [4, 4] as never }],
  ])('%s', (_, part) => {
    const wrong = { ...model, ...part };
    expect(() => experiments.layerFactors(wrong, 'gain')).toThrow(refusal(/^Expected a Model for model but received/));
    const layer = { ...model, ...part, inputShape: null };
    if (_ !== 'a shape')
      expect(() => new layers.Sequential([layer as never])).toThrow(
        refusal(/^Expected layers and functions of a tensor/),
      );
  });
});

test('Dataset.take() names its argument', () => {
  expect(() => tiny().take(0)).toThrow(refusal('Expected an integer of at least 1 for count but received 0'));
});

test('a function of a callback that is none', () => {
  const callback = { name: 'own', onEpoch: 5 };
  const data = Dataset.from({ images: new Uint8Array(96), labels: [0, 1], shape: [4, 4, 3] });
  const model = createModel('subInception', { width: 0.02, size: 4, classes: 2 });
  expect(() => new Trainer({ model, train: data, test: data, device: 'cpu', callbacks: [callback as never] })).toThrow(
    refusal('Expected a function for onEpoch of callback "own" but received 5'),
  );
});
