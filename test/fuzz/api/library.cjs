/** Valid calls of the functions and classes of saturnn, by name: see calls.cjs. */
const { make, of } = require('./row.cjs');

module.exports.libraryCalls = function libraryCalls(saturnn, makers, folder) {
  const { path, image, matrix, labels, counter, ones, parameter, model, dataset, graph, chart, page, signal, trained } =
    makers;
  const { layers, initializers, input, State } = saturnn;
  const small = { name: 'layer', inputs: 3 };
  const style = { normalization: 'none', activation: saturnn.tanh(), initializer: initializers.zeros };
  return {
    compile: of(() => [graph(), { device: 'cpu', precision: 'f32', passes: [], autotune: false }], 1),
    evaluate: of(() => [saturnn.add(ones([2]), ones([2])), { device: 'cpu', inputs: {}, precision: 'f32' }], 1),
    evaluatePredictions: of(
      () => [
        {
          probabilities: Float32Array.of(0.5, 0.5, 0, 1),
          labels: [0, 1],
          classNames: ['a', 'b'],
          bins: 3,
          mistakes: 2,
        },
      ],
      0,
      { most: { bins: 100, mistakes: 100 } },
    ),
    describeNonFinite: of(() => [{ kind: 'kernel', name: 'n', op: 'add', layer: 'l', count: 1, size: 2, shape: [2] }]),
    firstNonFinite: of(() => [null, {}]),
    gradient: of(() => {
      const w = parameter();
      new State([w]);
      const logits = saturnn.linear(matrix(), w);
      return [saturnn.softmaxCrossEntropy(logits, labels()).loss, [w]];
    }),
    'Graph.from': of(() => [{ outputs: { y: image() }, updates: [], gate: null, skip: null }], 0),
    optimize: of(() => [graph(), [...saturnn.defaultPasses]]),
    withAveragedWeights: of(() => [graph(), new State([parameter()], { optimizerSlots: 2, averageSlot: 1 })]),
    cifar: of(() => [folder, { labels: 'fine', verify: false }, ['cifar10']], 1),
    cifar10: of(() => [folder, { labels: 'fine', verify: false }], 1),
    cifar100: of(() => [folder, { labels: 'fine', verify: false }], 1),
    'CifarFile.open': of(() => [folder, { labels: 'fine', verify: false }, ['cifar10']], 1),
    'Dataset.from': of(
      () => [
        {
          images: [new Float32Array(4), { data: new Uint8ClampedArray(4 * 4).fill(9), width: 2, height: 2 }],
          labels: ['b', 'a'],
          targets: { values: new Float32Array(4), width: 2 },
          weights: Float32Array.of(1, 2),
          shape: [2, 2, 1],
          classes: 2,
          classNames: ['a', 'b'],
          range: '0..1',
          channels: 1,
          background: [0, 0, 0],
        },
      ],
      0,
    ),
    'Dataset.fromRecords': of(
      () => [new Uint8Array(3074), { layout: 'cifar100', labels: 'fine', source: 'r', classes: 9 }],
      1,
    ),
    decodePicture: of(() => [new Uint8Array(9), { size: 2, fit: 'pad', channels: 3, background: [0, 0, 0] }], 1),
    idx: of(() => [folder, { prefix: '', transpose: true, classNames: ['a'] }], 1),
    npy: of(() => [folder, { range: '0..1', layout: 'NCHW', classNames: ['a'] }], 1),
    ...Object.fromEntries(
      Object.entries({
        imageFolder: {},
        parquet: { image: 'image', label: 'label' },
        webDataset: { label: 'label' },
      }).map(([name, own]) => [
        name,
        of(
          () => [
            folder,
            {
              ...{ size: 4, fit: 'pad', channels: 3, background: [0, 0, 0], testShare: 0.5, testSeed: 1 },
              ...{ onBroken: 'skip', cacheDir: path('pictures'), mode: 'streaming', signal, onProgress() {}, ...own },
            },
          ],
          1,
        ),
      ]),
    ),
    generated: of(() => [{ train: 2, test: 2, classes: 3 }], 0, {
      most: { train: 100, test: 100 },
      fill: { train: 2, test: 2 },
    }),
    generatedRecords: of(() => [{ split: 'train', count: 2, seed: 1, classes: 3 }], 0, { most: { count: 100 } }),
    defaultDataFolder: of(() => []),
    getData: of(
      () => [
        'cifar10',
        { folder: path('data'), url: 'http://127.0.0.1:1/', md5: '0'.repeat(32), retries: 0, retryDelay: 0, signal },
      ],
      1,
    ),
    DataLoader: make(() => [{ labels: new Int32Array(5), batch: 2, shuffle: true, seed: 1 }], 0),
    Subset: make(() => [dataset(), Int32Array.of(1, 2), 5]),
    statisticsOf: of(() => [dataset(), { per: 'channel', scale: 2 }], 1),
    SaturnnError: make(() => ['ERR_DATA', 'message', {}]),
    parseSafetensors: of(() => [new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 123, 125]), 'source']),
    convertWeights: of(
      () => [
        path('none'),
        path('file'),
        {
          ...{ to: 'saturnn', model: model(), map: [{ saturnn: 'a/*', pytorch: 'a.*', layout: 'same' }], dtype: 'f16' },
          ...{ partial: true, imageMean: [0, 0, 0], imageStd: [1, 1, 1], classNames: ['a'] },
        },
      ],
      2,
    ),
    exportOnnx: of(() => [path('none'), path('file'), { floatInput: true, dtype: 'f16', check: false }], 2),
    readWeightMap: of(() => [path('none')]),
    openSafetensors: of(() => [path('none')]),
    readSafetensors: of(() => [path('none')]),
    toFloat32: of(() => [{ shape: [2], data: Uint16Array.of(0x3c00, 1), dtype: 'F16' }]),
    writeSafetensors: of(() => [
      path('file'),
      { tensors: new Map([['t', { shape: [2], data: new Float32Array(2) }]]), metadata: { a: 'b' } },
    ]),
    lsuv: of(
      () => [
        {
          ...trained(),
          images: Float32Array.from({ length: 96 }, Math.sin),
          batch: 2,
          device: 'cpu',
          tolerance: 0.5,
          maxIterations: 2,
          seed: 1,
        },
      ],
      0,
    ),
    createModel: of(
      () => ['subInception', { width: 0.02, size: 4, channels: 1, classes: 5, ...style, dropout: 0.1 }],
      1,
    ),
    functionalModel: of(() => {
      const { parameters, forward } = model();
      return [
        { parameters, forward, inputShape: [4, 4, 3], classes: 5, name: 'n', activation: saturnn.tanh(), buffers: [] },
      ];
    }, 0),
    ...Object.fromEntries(
      ['inception33', 'subInception', 'inceptionBn', 'lenet', 'resnet18', 'mobilenetV2'].map((name) => [
        name,
        of(() => [{ width: 0.02, size: [12, 13], channels: 1, classes: 5 }], 0),
      ]),
    ),
    cifarResnet: of(() => [{ depth: 8, width: 0.02, size: [8, 9], channels: 1, classes: 5 }], 0),
    inspectModel: of(() => [model()]),
    activate: of(
      () => [image(), saturnn.tanh(), { bias: ones([3]), name: 'n', context: { training: false, counter: null } }],
      2,
    ),
    clamp: of(() => [image(), { low: -1, high: 1.5, name: 'n' }], 1),
    add: of(() => [image(), image()]),
    multiply: of(() => [image(), image(), { name: 'n' }], 2),
    concat: of(() => [[image(), image()], { name: 'n' }], 1),
    slice: of(() => [image(), { channelOffset: 0, channels: 2, name: 'n' }], 1),
    affine: of(() => [image(), { scale: ones([3]), bias: ones([2, 3]), name: 'n' }], 1),
    countCorrect: of(() => [matrix(), labels(), { k: 2, name: 'n' }], 2),
    softmaxCrossEntropy: of(
      () => [matrix(), labels(), { labelSmoothing: 0.1, weights: ones([2]), targets: ones([2, 3]), name: 'n' }],
      2,
    ),
    mean: of(() => [matrix(), { labels: labels(), weights: ones([2]), name: 'n' }], 1),
    ...Object.fromEntries(
      ['meanSquaredError', 'meanAbsoluteError', 'binaryCrossEntropy'].map((name) => [
        name,
        of(() => [matrix(), ones([2, 3]), { labels: labels(), weights: ones([2]), name: 'n' }], 2),
      ]),
    ),
    conv2d: of(
      () => [
        image(),
        ones([4, 3, 3, 3]),
        { bias: ones([4]), stride: 1, padding: [1, 2, 1, 0], dilation: [1, 1], groups: 1, name: 'n' },
      ],
      2,
    ),
    augment: of(
      () => [
        {
          images: input('i', [4, 8, 8, 3], { dtype: 'u8' }),
          indices: labels(),
          places: input('p', [2, 6]),
          colours: input('c', [2, 4]),
          mean: ones([3]),
          inverseDeviation: ones([3]),
        },
        { size: [6, 6], name: 'n' },
      ],
      1,
    ),
    mix: of(() => [image(), ones([2, 6]), { name: 'n' }], 2),
    copy: of(() => [image(), { image: false, name: 'n' }], 1),
    flatten: of(() => [image(), { name: 'n' }], 1),
    dropout: of(() => [image(), counter(), { rate: 0.5, stream: 1, name: 'n' }], 2),
    linear: of(() => [matrix(), ones([4, 3]), { bias: ones([4]), name: 'n' }], 2),
    batchNorm: of(() => [image(), { scale: ones([3]), shift: ones([3]) }, { epsilon: 1e-5, name: 'n' }], 2),
    batchNormInference: of(
      () => [image(), { mean: ones([3]), variance: ones([3]), scale: ones([3]), shift: ones([3]) }, { epsilon: 1e-5 }],
      2,
    ),
    moments: of(() => [image(), { name: 'n' }], 1),
    averagePool: of(() => [image(), { kernel: 3, stride: 2, padding: 1, ceil: true, name: 'n' }], 1),
    maxPool: of(() => [image(), { kernel: [2, 2], stride: 2, padding: [0, 1, 1, 0], ceil: false }], 1),
    globalAveragePool: of(() => [image(), { name: 'n' }], 1),
    globalMaxPool: of(() => [image(), { name: 'n' }], 1),
    upsample: of(() => [image(), { factor: [2, 3], name: 'n' }], 1),
    randomizedRelu: of(() => [image(), { counter: counter(), lower: 0.1, upper: 0.3, name: 'n', bias: ones([3]) }], 1),
    assign: of(() => {
      const w = parameter();
      new State([w]);
      return [w, ones([4, 3]), { gate: null }];
    }, 2),
    Sgd: make(
      () => [
        {
          momentum: 0.9,
          nesterov: true,
          weightDecay: 0,
          groups: [{ match: /w/, learningRate: 2, weightDecay: 1 }],
          clipNorm: 1,
          ema: { decay: 0.9 },
        },
      ],
      0,
    ),
    Adam: make(
      () => [{ beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, groups: [], clipNorm: null, ema: null }],
      0,
    ),
    AdamW: make(() => [{ beta1: 0.9, weightDecay: 0.1, clipNorm: 1 }], 0),
    Lars: make(() => [{ trust: 0.1, momentum: 0.9, weightDecay: 0 }], 0),
    precisionBuffers: of(() => ['fp16']),
    parseSchedule: of(() => ['cosine:0.1', { rate: 1 }], 1),
    plateauRate: of(() => [{ rate: 1, factor: 0.1, patience: 1, metric: 'testLoss', minimum: 0, threshold: 0 }], 0),
    constantRate: of(() => [0.1]),
    cosineRate: of(() => [{ rate: 1, minimum: 0.1 }], 0),
    oneCycleRate: of(() => [{ peak: 1, warmUpShare: 0.3, initialDivision: 2, finalDivision: 2 }], 0),
    stepRate: of(() => [{ rate: 1, milestones: [1, 2], unit: 'epochs', factor: 0.1 }], 0),
    warmUp: of(() => [saturnn.constantRate(1), { steps: 3 }], 1),
    Philox: make(() => [1, 2, 3]),
    philox4x32: of(() => [
      [0, 1, 2, 3],
      [4, 5],
    ]),
    chartSvg: of(() => [chart()]),
    drawFilters: of(() => [{ values: new Float32Array(24), shape: [2, 2, 2, 3] }], 0),
    encodePng: of(() => [new Uint8Array(12), [2, 2, 3]]),
    overlayMap: of(
      () => [
        { pixels: new Uint8Array(12), shape: [2, 2, 3] },
        { values: new Float32Array(4), shape: [2, 2] },
        { size: [2, 2], opacity: 0.5, scale: 2 },
      ],
      2,
    ),
    findLearningRate: of(
      () => [
        {
          ...{ model, train: dataset(), device: 'cpu', batch: 2, accumulate: 1, data: 'resident', seed: 1 },
          ...{ weights: undefined, head: undefined, freeze: [], statistics: { per: 'channel', scale: 1 } },
          ...{ augmentation: [], optimizer: new saturnn.Sgd(), labelSmoothing: 0.1, classWeights: 'balanced' },
          ...{ precision: 'f32', deterministic: true, autotune: false },
        },
        { from: 1e-3, to: 1, steps: 10, smoothing: 0.5, signal },
      ],
      0,
      { most: { steps: 20 } },
    ),
    rateChart: of(() => [
      { points: [{ step: 1, rate: 0.1, loss: 2, smoothed: 2 }], steepest: 0.1, tenthOfMinimum: 0.01, ended: 'done' },
    ]),
    writeReport: of(() => [path('report'), page()]),
    openDevice: of(() => ['cpu', { threads: 1 }], 1),
    probeBackend: of(() => ['cpu']),
    memoryStats: of(() => []),
    Parameter: make(() => [{ name: 'p', shape: [2], decay: true, initialize: () => new Float32Array(2) }], 0),
    StateBuffer: make(() => [{ name: 'b', shape: [2], initial: 1, values: Float32Array.of(1, 2) }], 0),
    State: make(
      () => [
        [parameter()],
        { seed: 1, optimizerSlots: 2, averageSlot: 1, gradientSlots: 2, buffers: [], frozen: [], device: 'cpu' },
      ],
      1,
    ),
    constant: of(() => [
      [1, 2, 3, 4],
      [2, 2],
    ]),
    input: of(() => ['x', [2, 3], { dtype: 'f32', image: false }], 2),
    Checkpoints: make(
      () => [{ folder: path('checkpoints'), everyEpochs: 1, everySteps: 2, everyMinutes: 3, best: 'testLoss' }],
      0,
    ),
    CsvLog: make(() => [path('log.csv')]),
    JsonlLog: make(() => [path('log.jsonl')]),
    EarlyStopping: make(() => [{ metric: 'testLoss', patience: 2, minDelta: 0, restoreBest: false }], 0),
    loadModel: of(() => [path('none')]),
    'Predictor.create': of(() => {
      const network = model();
      const values = new State(network.parameters, { buffers: network.buffers, device: 'cpu' });
      const scale = new Float32Array(3).fill(1);
      const statistics = { mean: new Float32Array(3), meanShape: [3], scale, deviation: scale };
      const more = { precision: 'f32', deterministic: true, autotune: false, averaged: false, ownsState: true };
      const data = { classNames: ['a', 'b', 'c', 'd', 'e'], decoding: null };
      const loss = { name: 'binaryCrossEntropy', kind: 'labels' };
      const own = { shape: [4, 4, 3], batch: 2, device: 'cpu', ...more, data, loss };
      return [{ model: network, state: values, statistics, ...own }];
    }, 0),
    loadPredictor: of(() => [path('none'), { shape: [32, 32, 3], batch: 2, device: 'cpu', crop: true }], 1),
    Trainer: make(
      () => [
        {
          ...{
            model: model(),
            train: dataset(),
            test: dataset(),
            ...{ weights: undefined, head: undefined, freeze: [] },
            data: 'resident',
            evaluateEvery: { epochs: 2 },
            statistics: { per: 'channel', scale: 1 },
            device: 'cpu',
          },
          ...{
            batch: 2,
            accumulate: 2,
            learningRate: 0.1,
            optimizer: new saturnn.Sgd(),
            loss: 'crossEntropy',
            labelSmoothing: 0.1,
            classWeights: 'balanced',
            precision: 'f32',
            deterministic: true,
          },
          ...{ autotune: false, seed: 1, callbacks: [{ name: 'own', onEpoch: () => {} }] },
        },
      ],
      0,
    ),
    ...Object.fromEntries(
      ['sigmoid', 'scaledSigmoid', 'tanh', 'relu', 'relu6', 'gelu', 'silu', 'hardSwish'].map((name) => [
        name,
        of(() => []),
      ]),
    ),
    ...Object.fromEntries(['leakyTanh', 'leakyRelu', 'elu'].map((name) => [name, of(() => [0.25])])),
    rrelu: of(() => [{ lower: 0.1, upper: 0.2 }], 0),
    parseActivation: of(() => ['rrelu:0.1:0.2']),
    'layers.BatchNorm': make(() => [{ name: 'n', channels: 3, epsilon: 1e-5, momentum: 0.9 }], 0),
    'layers.Concatenate': make(() => [[new layers.Linear({ ...small, outputs: 2 }), (x) => x], { name: 'n' }], 1),
    'layers.TrainingContext': make(() => [counter()]),
    'layers.Conv2d': make(
      () => [
        {
          ...small,
          ...style,
          outputs: 3,
          kernel: 3,
          stride: 1,
          padding: [1, 1, 2, 0],
          dilation: 1,
          groups: 3,
          bias: true,
        },
      ],
      0,
    ),
    'layers.Dropout': make(() => [{ name: 'n', rate: 0.5 }], 0),
    'layers.inceptionA': of(
      () => [{ ...small, ...style, c1: 1, c3r: 1, c3: 1, d3r: 1, d3: 1, pool: 'max', projection: 1 }],
      0,
    ),
    'layers.inceptionB': of(() => [{ ...small, ...style, c3r: 1, c3: 1, d3r: 1, d3: 1 }], 0),
    'layers.Linear': make(() => [{ ...small, outputs: 4, initializer: initializers.zeros }], 0),
    'layers.AveragePool': make(() => [{ kernel: 3, stride: 2, padding: 1 }], 0),
    'layers.MaxPool': make(() => [{ kernel: 3, stride: 2, ceil: true }], 0),
    'layers.GlobalAveragePool': make(() => [{ name: 'n' }], 0),
    'layers.Sequential': make(() => [[new layers.Linear({ ...small, outputs: 2 }), (x) => x]]),
    'augmentations.crop': of(() => [{ padding: 2 }], 0),
    'augmentations.resizedCrop': of(() => [{ leastArea: 0.2, mostArea: 0.8, leastRatio: 0.5, mostRatio: 2 }], 0),
    'augmentations.mirror': of(() => [{ probability: 0.5 }], 0),
    'augmentations.flip': of(() => [{ probability: 0.5 }], 0),
    'augmentations.rotation': of(() => [{ degrees: 10 }], 0),
    'augmentations.colourJitter': of(() => [{ brightness: 0.1, contrast: 0.2, saturation: 0.3, hue: 0.1 }], 0),
    'augmentations.erasing': of(
      () => [{ probability: 0.5, leastArea: 0.1, mostArea: 0.2, leastRatio: 0.5, mostRatio: 2 }],
      0,
    ),
    'augmentations.mixup': of(() => [{ alpha: 0.2 }], 0),
    'augmentations.cutmix': of(() => [{ alpha: 1 }], 0),
    'augmentations.parse': of(() => ['crop:4,mirror']),
    'augmentations.format': of(() => [[{ kind: 'mirror', probability: 0.5 }]]),
    'initializers.zeros': of(() => [[2, 3], new saturnn.Philox(1, 2)]),
    'initializers.gaussian': of(() => [{ deviation: 1 }], 0),
    'initializers.uniform': of(() => [{ limit: 1 }], 0),
    'initializers.fans': of(() => [[2, 3], 'kernel']),
    'initializers.xavier': of(() => [{ magnitude: 2, factor: 'in', distribution: 'gaussian', fanOut: 'channels' }], 0),
    'initializers.msra': of(() => [{ slope: 0.1, factor: 'out', fanOut: 'kernel' }], 0),
    'initializers.orthonormal': of(() => [{ gain: 2 }], 0),
    'initializers.defaultInitializer': of(() => [saturnn.tanh()]),
  };
};
