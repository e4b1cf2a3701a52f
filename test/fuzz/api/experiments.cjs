/** Valid calls of the functions and classes of saturnn/experiments, by name: see calls.cjs. */
const results = require('./results.cjs');
const { make, of } = require('./row.cjs');

module.exports.experimentCalls = function experimentCalls(saturnn, experiments, makers, folder) {
  const { path, model, dataset, signal, recipe, twin, bare } = makers;
  return {
    'experiments.parseInitialization': of(() => ['lsuv:0.1']),
    'experiments.equivalence': of(
      () => [{ model: 'small', padding: true, steps: 1, batch: 2, probe: 1, size: 8, device: 'cpu', signal }],
      0,
      {
        slow: true,
        most: { steps: 1, batch: 4, probe: 4, size: 20 },
        fill: { padding: true, steps: 1, batch: 2, probe: 1, size: 8, signal },
      },
    ),
    'experiments.mapParameters': of(() => {
      const made = twin();
      return [made, new Map(bare().parameters.map(({ name, size }) => [name, new Float32Array(size)]))];
    }),
    'experiments.sigmoidTwin': of(() => [bare(), { padding: 0.5, centred: false }], 1),
    'experiments.PreconditionedSgd': make(() => [{ layers: [], momentum: 0.9, weightDecay: 0 }], 0),
    'experiments.equivalencePage': of(() => [results.equivalence(), { node: '1' }]),
    'experiments.describeLayerRates': of(() => ['gain', experiments.layerFactors(bare(), 'gain')]),
    'experiments.layerFactors': of(() => [bare(), 'depth:1.1:4', { learningRate: 1 }], 2),
    'experiments.layerRates': of(() => [bare(), { kind: 'gain' }, { learningRate: 1 }], 2),
    'experiments.parseLayerRates': of(() => ['depth:1.1']),
    'experiments.defaultMagnitude': of(() => [saturnn.tanh()]),
    'experiments.predictChain': of(
      () => [
        {
          layers: 2,
          activation: saturnn.tanh(),
          centred: true,
          magnitude: 1,
          width: 4,
          inputVariance: 1,
          gradientVariance: 1,
        },
      ],
      0,
    ),
    'experiments.expectedSquare': of(() => [saturnn.tanh(), 1]),
    'experiments.expectedSquaredSlope': of(() => [saturnn.tanh(), 1]),
    'experiments.expectedSquaredDifference': of(() => [saturnn.tanh(), 1, 0.5]),
    'experiments.partsOf': of(() => [recipe(), 5]),
    'experiments.trainingOf': of(() => ['label', 'folder', recipe(), 5]),
    'experiments.chanceOf': of(() => [Int32Array.of(0, 1), 5]),
    'experiments.isStuck': of(() => [0.1, { accuracy: 0.1, images: 10, classes: 10 }]),
    'experiments.learningThreshold': of(() => [{ accuracy: 0.1, images: 10, classes: 10 }]),
    'experiments.sweep': of(
      () => [
        { preset: 'smoke', out: path('sweep'), values: [0.25], data: 'generated', limit: 4, device: 'cpu', signal },
      ],
      0,
      { slow: true, most: { limit: 4, testLimit: 4 }, fill: { limit: 4, out: path('filled'), signal } },
    ),
    'experiments.table1': of(
      () => [
        {
          preset: 'smoke',
          out: path('table'),
          activations: ['tanh'],
          data: 'generated',
          limit: 4,
          device: 'cpu',
          signal,
          ...{ dropout: 0.1, normalization: 'none', augmentation: 'none', statistics: { per: 'pixel' } },
          ...{ dataMode: 'streaming', pictures: { size: 4, fit: 'pad', cacheDir: path('pictures') } },
        },
      ],
      0,
      { slow: true, most: { limit: 4, testLimit: 4 }, fill: { limit: 4, out: path('filled'), signal } },
    ),
    'experiments.readTraining': of(() => [folder, { label: 'l', folder: 'f', settings: {}, epochs: 1 }]),
    'experiments.runTrainings': of(
      () => [
        {
          folder,
          trainings: [experiments.trainingOf('l', 'f', recipe(), 5)],
          data: { train: dataset(), test: dataset() },
          device: saturnn.openDevice('cpu'),
          signal,
          keepWeights: false,
        },
      ],
      0,
    ),
    'experiments.varianceChain': of(
      () => [{ activations: [saturnn.tanh()], layers: 2, width: 4, batch: 2, draws: 2, device: 'cpu', seed: 1 }],
      0,
      { most: { layers: 20, width: 32, batch: 64, draws: 4 }, fill: { layers: 2, width: 4, batch: 2, draws: 2 } },
    ),
    'experiments.chainPage': of(() => [results.chains(), { a: 1 }]),
    'experiments.variancePage': of(() => [results.runs(), 'model', { a: 1 }]),
    'experiments.variance': of(
      () => [{ model, activations: [saturnn.tanh()], train: dataset(), steps: 0, batch: 2, draws: 1, device: 'cpu' }],
      0,
      { most: { steps: 4, draws: 4 }, fill: { steps: 0 } },
    ),
  };
};
