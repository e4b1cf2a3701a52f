/** Makes the arguments of valid calls: graphs, data sets, models, Trainers. */

module.exports.makersOf = function makersOf(saturnn, experiments, folder) {
  const { layers, input, constant, State, Parameter, Graph } = saturnn;
  let number = 0;
  const path = (name) => `${folder}/${name}-${number++}`;
  const image = () => input('x', [2, 6, 6, 3]);
  const matrix = () => input('m', [2, 3]);
  const labels = () => input('labels', [2], { dtype: 'i32' });
  const counter = () => input('counter', [2], { dtype: 'i32' });
  const ones = (shape) => constant(new Float32Array(shape.reduce((a, b) => a * b)).fill(1), shape);
  const parameter = (name = 'w') =>
    new Parameter({ name, shape: [4, 3], decay: true, initialize: () => new Float32Array(12).fill(0.1) });
  const model = () => {
    const linear = new layers.Linear({ name: 'top', inputs: 3, outputs: 5 });
    const forward = (x) => linear.forward(saturnn.globalAveragePool(x));
    return saturnn.functionalModel({ parameters: linear.parameters, inputShape: [4, 4, 3], classes: 5, forward });
  };
  const dataset = (count = 4) =>
    saturnn.Dataset.from({
      images: Uint8Array.from({ length: count * 48 }, (_, index) => (index * 37) % 256),
      labels: Array.from({ length: count }, (_, index) => index % 5),
      shape: [4, 4, 3],
      classes: 5,
    });
  const graph = () => {
    const x = image();
    return Graph.from({ outputs: { y: saturnn.add(x, x) } });
  };
  const chart = () => ({
    id: 'c',
    title: 't',
    x: { label: 'x' },
    y: { label: 'y' },
    series: [
      {
        name: 's',
        points: [
          [0, 1],
          [1, 2],
        ],
      },
    ],
  });
  const page = () => ({
    title: 't',
    lead: 'l',
    tables: [{ title: 't', heads: ['a'], rows: [['1']] }],
    charts: [chart()],
    settings: { a: 1 },
  });
  const signal = AbortSignal.abort(Object.assign(new Error('enough'), { code: 'ERR_FUZZ' }));
  const state = () => new State([parameter()], { optimizerSlots: 1 });
  const trained = () => {
    const own = model();
    return { model: own, state: new State(own.parameters, { buffers: own.buffers }) };
  };
  const recipe = () => ({
    ...{ model: 'subInception', width: 0.02, activation: 'tanh', init: 'default', epochs: 1, batch: 2 },
    ...{
      precision: 'f32',
      learningRate: 0.1,
      schedule: 'constant',
      warmup: null,
      momentum: 0.9,
      weightDecay: 0,
      clipNorm: null,
      seed: 0,
    },
  });
  const trainer = () =>
    new saturnn.Trainer({ model: model(), train: dataset(), test: dataset(), device: 'cpu', batch: 2 });
  let weights;
  const predictor = async () => {
    weights ??= writeWeights(path('weights'));
    return saturnn.loadPredictor(await weights, { device: 'cpu', batch: 2 });
  };
  /** Writes the weights of a network that the same images fit as model(). */
  const writeWeights = async (file) => {
    const network = saturnn.createModel('subInception', { width: 0.02, size: 4, classes: 5 });
    const own = new saturnn.Trainer({ model: network, train: dataset(), device: 'cpu', batch: 2 });
    await own.saveWeights(file);
    own.dispose();
    return file;
  };
  const twin = () => experiments.sigmoidTwin(bare());
  const bare = () => {
    const conv = new layers.Conv2d({
      name: 'c',
      inputs: 3,
      outputs: 4,
      kernel: 1,
      activation: saturnn.scaledSigmoid(),
    });
    const top = new layers.Linear({ name: 'top', inputs: 4, outputs: 5 });
    return saturnn.functionalModel({
      parameters: [...conv.parameters, ...top.parameters],
      inputShape: [4, 4, 3],
      classes: 5,
      activation: saturnn.scaledSigmoid(),
      forward: (x) => top.forward(saturnn.globalAveragePool(conv.forward(x))),
    });
  };
  return {
    path,
    image,
    matrix,
    labels,
    counter,
    ones,
    parameter,
    model,
    dataset,
    graph,
    chart,
    page,
    signal,
    state,
    trained,
    recipe,
    trainer,
    predictor,
    twin,
    bare,
  };
};
