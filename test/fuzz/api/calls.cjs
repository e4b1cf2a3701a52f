/**
 * A valid call of every function and class of the public API, by name: what the fuzzer of the API changes, and what the test of
 * strict options gives an unknown option. A new export without a row here fails both.
 *
 * A row: `args` returns fresh arguments; `options` is the index of the argument that holds options (null: there is none). `make`
 * is true for a class. `slow` calls have valid arguments beside a changed one less often than others. `most` bounds how long a valid call
 * computes: see bounds.cjs.
 */

const { experimentCalls } = require('./experiments.cjs');
const { libraryCalls } = require('./library.cjs');
const { makersOf } = require('./makers.cjs');
const { objectCalls } = require('./objects.cjs');

module.exports.callsOf = function callsOf(saturnn, experiments, folder) {
  const { layers, initializers } = saturnn;
  const makers = makersOf(saturnn, experiments, folder);
  const calls = {
    ...libraryCalls(saturnn, makers, folder),
    ...experimentCalls(saturnn, experiments, makers, folder),
  };
  const objects = objectCalls(saturnn, experiments, makers);

  /** Returns the function of a name: "layers.Conv2d". */
  const find = (name) => {
    const parts = name.split('.');
    const last = parts.pop();
    const owner = parts.reduce((at, part) => at[part], { ...saturnn, experiments });
    return { owner, called: owner[last] };
  };
  /** Names of everything that can be called, which must all have a row. */
  const exported = () => {
    const statics = {
      Graph: ['from'],
      CifarFile: ['open'],
      Predictor: ['create'],
      Dataset: ['from', 'fromRecords'],
      Tensor: [],
    };
    const within = (space, prefix) =>
      Object.keys(space)
        .filter((name) => typeof space[name] === 'function')
        .flatMap((name) =>
          prefix === '' && statics[name] ? statics[name].map((own) => `${name}.${own}`) : [`${prefix}${name}`],
        );
    return [
      ...within(saturnn, ''),
      ...within(layers, 'layers.'),
      ...within(initializers, 'initializers.'),
      ...within(experiments, 'experiments.'),
    ];
  };
  return { calls, objects, find, exported };
};
