/** Results of experiments as plain data, as small as their pages accept them. */

const compared = () => ({ measured: 1, error: 0.1, predicted: 1.1, z: -1 });
const chains = () => [
  {
    ...{ activation: 'tanh', centred: false, magnitude: 1 },
    layers: [1, 2].map(() => ({
      ...{ variance: compared(), meanSquare: compared(), gradient: compared() },
      linear: { variance: 1, gradient: 1 },
    })),
  },
];

const statistics = () => ({ variance: 1, meanSquare: 2, betweenImages: 0.5 });
const moment = (step) => ({
  ...{ step, loss: 1 },
  layers: ['a', 'b'].map((name, depth) => ({
    ...{ name, depth: depth + 1, onLongestPath: true, y: statistics(), gradient: statistics() },
  })),
  factors: [
    {
      ...{ kind: 'convolution', name: 'a', padded: false, forward: 1, betweenImages: 1, backward: 1 },
      ...{ predictedForward: 1, predictedBackward: null },
    },
  ],
});
const runs = () => [{ activation: 'tanh', initialization: 'default', moments: [moment(0), moment(5)], failure: null }];

const rule = (name) => ({
  ...{ name, title: name, loss: [2, 1], outputs: [0, 0.1, 0.2], parameters: [0, 0.1, 0.2], overflow: null },
});
const equivalence = () => ({
  settings: { steps: 2, deviceInfo: { name: 'cpu' } },
  comparisons: [{ padding: true, loss: [2, 1], moved: [0, 0.1, 0.2], rules: [rule('exact'), rule('again')] }],
});

module.exports = { chains, runs, equivalence };
