/**
 * A process of the fuzzer of the API: `node child.cjs DIST FOLDER SEED FIRST LAST PROGRESS [verbose]`. It makes the calls FIRST to LAST - 1
 * of SEED, writes the number of each into the file PROGRESS before it is made, and prints a line of JSON for each error without a
 * code. The same seed and number make the same call.
 */
const { openSync, writeSync } = require('node:fs');
const { resolve } = require('node:path');
const { inspect } = require('node:util');
const { bounded } = require('./bounds.cjs');
const { callsOf } = require('./calls.cjs');
const { changed, own, randomOf, valuesOf } = require('./values.cjs');

const [dist, folder, seed, first, last, progress, verbose] = process.argv.slice(2);
const saturnn = require(resolve(dist));
const experiments = require(resolve(dist, 'experiments'));
const { errorCodes } = require(resolve(dist, 'errors.js'));
process.chdir(folder);
// No call may leave this machine.
globalThis.fetch = async () => {
  throw Object.assign(new TypeError('fetch failed'), { cause: new Error('the fuzzer has no network') });
};

const { calls, objects, find, exported } = callsOf(saturnn, experiments, folder);
const values = valuesOf(saturnn);

/** Share of the slow calls that have most of their arguments in order, and take up to a second each. */
const slowShare = 0.05;

/** Lists all that is called: functions and classes, and methods of objects. */
function targets() {
  const functions = exported().map((name) => {
    const row = calls[name];
    if (!row) throw new Error(`${name} has no row in library.cjs or experiments.cjs`);
    const { owner, called } = find(name);
    return {
      name,
      row,
      call: (args) => (row.make ? Reflect.construct(called, args) : Reflect.apply(called, owner, args)),
    };
  });
  const methods = Object.entries(objects).flatMap(([name, { make, calls: rows = {} }]) => {
    const known = new Set(Object.keys(rows));
    return [...known].map((method) => ({
      name: `${name}#${method}`,
      row: rows[method],
      call: async (args) => {
        const object = await make();
        try {
          return await Reflect.apply(object[method], object, args);
        } finally {
          if (['Plan', 'Trainer', 'Predictor'].includes(name)) object.dispose();
        }
      },
    }));
  });
  return [...functions, ...methods];
}

// The engine's own error for a revoked Proxy is the caller's, as what a getter of the caller throws: any look at the value raises it.
const isRevoked = (error) => error instanceof TypeError && /on a proxy that has been revoked/.test(error.message);
const isTyped = (error) =>
  isRevoked(error) ||
  ((typeof error === 'object' || typeof error === 'function') &&
    error !== null &&
    (error.code === own || error.code in errorCodes));

/**
 * Objects that a call must not write into: what all objects inherit. Texts of the caller that are used as keys of a plain object would
 * change them.
 */
const common = [Object, Object.prototype, Array.prototype, Function.prototype];
for (const name of Object.getOwnPropertyNames(Object.prototype)) {
  const { value } = Object.getOwnPropertyDescriptor(Object.prototype, name);
  if (typeof value === 'function') common.push(value);
}
const namesOf = (objects) => objects.flatMap((object) => Reflect.ownKeys(object));
const countOf = (objects) => objects.reduce((sum, object) => sum + Reflect.ownKeys(object).length, 0);
const [names, count] = [namesOf(common), countOf(common)];

const report = (fault) => process.stdout.write(`${JSON.stringify(fault)}\n`);

function show(args) {
  try {
    return inspect(args, { depth: 3, breakLength: 200, maxArrayLength: 6, maxStringLength: 40 }).slice(0, 600);
  } catch {
    return 'arguments that cannot be shown';
  }
}

let at = -1;
process.on('unhandledRejection', (error) => {
  if (!isTyped(error))
    report({ number: at, name: 'unhandled rejection', error: String(error?.stack ?? error).slice(0, 500) });
});

async function run() {
  const all = targets();
  const file = openSync(progress, 'r+');
  for (at = Number(first); at < Number(last); at++) {
    const random = randomOf(Math.imul(Number(seed) + 1, 0x9e3779b1) ^ Math.imul(at + 1, 0x85ebca6b));
    const { name, row, call } = all[Math.floor(random() * all.length)];
    let args = [];
    try {
      const valid = row.args();
      const isRandom = row.slow ? random() >= slowShare : random() < 0.2;
      args = isRandom
        ? valid.map(() => values[Math.floor(random() * values.length)]())
        : changed(valid, values, random);
      args = bounded(row, args);
    } catch (error) {
      throw new Error(`the valid arguments of ${name} cannot be made: ${error.stack}`);
    }
    writeSync(file, `${at} ${name} `.padEnd(80), 0);
    if (verbose) process.stderr.write(`${at} ${name} ${show(args)}\n`);
    try {
      const result = await call(args);
      if (typeof result?.dispose === 'function' && !['openDevice'].includes(name)) result.dispose();
    } catch (error) {
      if (!isTyped(error))
        report({
          number: at,
          name,
          args: show(args),
          error: String(error?.stack ?? error)
            .split('\n')
            .slice(0, 4)
            .join(' | ')
            .slice(0, 500),
        });
    }
    if (countOf(common) !== count) {
      const added = namesOf(common).filter((one) => !names.includes(one));
      // The next calls would fail because of it.
      process.stderr.write(`${name} ${show(args)} has added ${added.map(String)} to objects that all inherit from\n`);
      process.exit(4);
    }
  }
  report({ done: Number(last) });
  process.exit(0);
}

run().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(3);
});
