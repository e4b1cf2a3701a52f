/**
 * The architecture of lib, held by `npm run check:imports`: its layers from bottom to top. A file may import from its own layer and
 * from those listed before it, imports of types included; nothing imports in a circle. docs/design.md has the picture, which
 * `npm run docs:architecture` makes from the code.
 */
const layers = [
  ['base', 'errors, the checks of options, random numbers, the version, copies of the package'],
  ['evaluation', 'what predictions are worth: accuracy, confusion, calibration'],
  ['runtime', 'the native addon and where it lies, devices, types of elements'],
  ['tensor', 'symbolic tensors, nodes, what an op is, State'],
  ['ops', 'every operation, by family'],
  ['compile', 'graphs, gradients, passes, plans, evaluate()'],
  ['layers', 'layers, and the initialisers of their weights'],
  ['models', 'networks of layers'],
  ['optim', 'optimizers, schedules, and the metrics they look at'],
  ['files', 'durable files, locks, safetensors'],
  ['weights', 'weights of PyTorch: their names and layouts, and what fits a network'],
  ['data', 'sources of images'],
  ['initial', 'initial weights that depend on model and data: LSUV, gains'],
  ['report', 'pages, charts, text tables'],
  ['train', 'Trainer, callbacks, checkpoints, run folders'],
  ['onnx', 'networks as ONNX files'],
  ['measure', 'estimates, traces, benchmarks'],
  ['experiments', 'table1, sweep, variance, equivalence, prediction'],
  ['cli', 'the command'],
  ['index', 'the public names of the package'],
];

/** The layers that are files at lib's root, or more than one folder; every other is the folder of its name. */
const paths = { base: '^lib/((copies|errors|random|version)\\.ts$|options/)', index: '^lib/index\\.m?ts$' };

const pathOf = (layer) => paths[layer] ?? `^lib/${layer}/`;

/** Files that nobody in lib imports: what users import and run. */
const entries = ['^lib/index\\.m?ts$', '^lib/experiments/index\\.m?ts$', '^lib/cli/main\\.ts$'];

module.exports = {
  forbidden: [
    ...layers.map(([layer, holds], position) => ({
      name: `layer ${layer}`,
      comment: `${holds}; may import: ${layers
        .slice(0, position + 1)
        .map(([name]) => name)
        .join(', ')}`,
      severity: 'error',
      from: { path: pathOf(layer) },
      to: { path: '^lib/', pathNot: layers.slice(0, position + 1).map(([name]) => pathOf(name)) },
    })),
    {
      name: 'in a layer',
      comment: 'Every file of lib belongs to a layer: add its folder to the list, at its height.',
      severity: 'error',
      from: { path: '^lib/', pathNot: layers.map(([layer]) => pathOf(layer)) },
      to: {},
    },
    {
      name: 'no circles',
      comment: 'Files that import each other, if only for types, can only be understood together.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { circular: true },
    },
    {
      name: 'no late imports',
      comment: 'A file names what it needs at its top: require() and import() within functions hide circles.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^lib/', dependencyTypes: ['require', 'dynamic-import', 'exotic-require'] },
    },
    {
      name: 'lib alone',
      comment: 'What is published imports nothing that is not.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(test|bench|scripts|examples)/' },
    },
    {
      name: 'no orphans',
      comment: 'A file that nobody imports is dead, or an entry that the list of entries lacks.',
      severity: 'error',
      from: { orphan: true, path: '^lib/', pathNot: entries },
      to: {},
    },
    {
      name: 'reachable',
      comment: 'A file that no entry leads to is dead, or an entry that the list of entries lacks.',
      severity: 'error',
      from: { path: entries },
      to: { path: '^lib/', pathNot: entries, reachable: false },
    },
  ],
  options: {
    // Imports of types count.
    tsPreCompilationDeps: true,
    parser: 'tsc',
    doNotFollow: { path: 'node_modules' },
    includeOnly: '^(lib|test|bench|scripts|examples)/',
    enhancedResolveOptions: { extensions: ['.ts', '.mts', '.js'] },
  },
};
