/** Objects whose methods are called, with the arguments of valid calls where there are some: see calls.cjs. */
const { of } = require('./row.cjs');

module.exports.objectCalls = function objectCalls(saturnn, experiments, makers) {
  const { path, image, counter, ones, parameter, model, dataset, graph, signal, state, trainer, predictor } = makers;
  const { layers } = saturnn;
  const small = { name: 'layer', inputs: 3 };
  return {
    Graph: { make: graph },
    Dataset: {
      make: dataset,
      calls: {
        take: of(() => [2]),
        subset: of(() => [[0, 1]]),
        named: of(() => [null]),
        split: of(() => [0.5, { seed: 1, stratified: true }], 1),
        concat: of(() => [dataset(2), dataset(3)]),
        map: of(() => [({ pixels }) => pixels, { shape: [4, 4, 3] }], 1),
        read: of(() => [Int32Array.of(1), new Uint8Array(48)]),
        statistics: of(() => [{ per: 'pixel' }], 0),
      },
    },
    DataLoader: {
      make: () => new saturnn.DataLoader({ labels: new Int32Array(5), batch: 2, shuffle: true }),
      calls: { epoch: of(() => [1]) },
    },
    Epoch: {
      make: () => new saturnn.DataLoader({ labels: new Int32Array(5), batch: 2, shuffle: true }).epoch(0),
      calls: { batches: of(() => [0, 2]) },
    },
    Subset: {
      make: () => new saturnn.Subset(dataset(), Int32Array.of(1)),
      calls: { read: of(() => [Int32Array.of(0), new Uint8Array(48)]) },
    },
    TensorFile: {
      make() {
        const tensors = new Map([['t', { shape: [2], data: new Float32Array(2) }]]);
        saturnn.writeSafetensors(path('tensors'), { tensors, metadata: {} });
        return saturnn.openSafetensors(path('tensors'));
      },
      calls: { read: of(() => ['t']) },
    },
    Philox: {
      make: () => new saturnn.Philox(1, 2),
      calls: { integer: of(() => [4]), permutation: of(() => [4], null, { most: 100_000 }) },
    },
    State: {
      make: state,
      calls: {
        offsetOf: of(() => [parameter()]),
        vector: of(() => ['optimizer', 0]),
        read: of(() => [parameter(), 'gradients']),
        write: of(() => [parameter(), new Float32Array(12)]),
        readArena: of(() => ['parameters']),
        writeArena: of(() => ['parameters', new Uint8Array(64)]),
      },
    },
    Device: {
      make: () => saturnn.openDevice('cpu', { threads: 2 }),
      calls: { upload: of(() => [new Float32Array(3)]), checkPrecision: of(() => ['f32']) },
    },
    Plan: {
      make: () => saturnn.compile(graph(), { device: 'cpu' }),
      calls: {
        run: of(() => [{ x: new Float32Array(216) }, { steps: 1 }], 1),
        trace: of(() => [{ x: new Float32Array(216) }, { nonFinite: true, updates: false }], 1),
      },
    },
    Sgd: {
      make: () => new saturnn.Sgd(),
      calls: { update: of(() => [{ state: state(), loss: ones([1]), learningRate: ones([1]) }], 0) },
    },
    PreconditionedSgd: {
      make: () => new experiments.PreconditionedSgd({ layers: [] }),
      calls: { update: of(() => [{ state: state(), loss: ones([1]), learningRate: ones([1]) }], 0) },
    },
    Schedule: {
      make: () => saturnn.warmUp(saturnn.plateauRate({ rate: 1 }), { epochs: 1 }),
      calls: { restore: of(() => [{ rate: 1, best: null, waited: 0 }], 0) },
    },
    TrainingContext: { make: () => new layers.TrainingContext(counter()), calls: { updates: of(() => [null]) } },
    ...Object.fromEntries(
      Object.entries({
        BatchNorm: { name: 'n', channels: 3 },
        Conv2d: { ...small, outputs: 4, kernel: 3 },
        Dropout: { name: 'n', rate: 0.5 },
        MaxPool: { kernel: 2, stride: 2 },
        AveragePool: { kernel: 2, stride: 2 },
        GlobalAveragePool: {},
      }).map(([name, options]) => [
        `layers.${name}`,
        { make: () => new layers[name](options), calls: { forward: of(() => [image(), layers.inference]) } },
      ]),
    ),
    Sequential: {
      make: () => new layers.Sequential([(x) => x]),
      calls: { forward: of(() => [image(), layers.inference]) },
    },
    Model: { make: () => ({ ...model() }), calls: { forward: of(() => [image(), layers.inference]) } },
    Trainer: {
      make: trainer,
      calls: {
        stepsOf: of(() => [{ epochs: 1 }], 0),
        fit: of(() => [{ steps: 1 }], 0, { most: { steps: 20, epochs: 3, totalEpochs: 3, totalSteps: 20 } }),
        evaluate: of(() => ['test', { mistakes: 2, bins: 3 }], 1),
        predict: of(() => [new Uint8Array(48), { count: 1 }], 1),
        save: of(() => [path('checkpoint')]),
        saveWeights: of(() => [path('weights')]),
        loadWeights: of(() => [path('weights')]),
        restore: of(() => [path('none')]),
      },
    },
    Predictor: {
      make: predictor,
      calls: {
        predict: of(() => [new Uint8Array(96), { count: 2 }], 1),
        predictFiles: of(() => [[path('none.png')], { top: 2, resize: true, onBroken: 'skip', signal }], 1),
        decodeFiles: of(() => [[path('none.png')], { resize: true, signal }], 1),
        activations: of(() => [new Uint8Array(96), { layers: ['conv1', '3a'], count: 2 }], 1),
        gradCam: of(() => [new Uint8Array(96), { layer: '3a', label: 1, count: 2 }], 1),
        evaluate: of(() => [dataset(), { mistakes: 2, bins: 3 }], 1, { most: { bins: 100, mistakes: 100 } }),
      },
    },
    EarlyStopping: { make: () => new saturnn.EarlyStopping() },
    Checkpoints: {
      make: () => new saturnn.Checkpoints({ folder: path('checkpoints') }),
      calls: { path: of(() => ['last']) },
    },
  };
};
