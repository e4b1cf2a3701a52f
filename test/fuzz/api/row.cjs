/** Makes the rows of calls.cjs. */

/** A call of a function: `options` is the index of the argument that holds options. */
const of = (args, options = null, more = {}) => ({ args, options, ...more });

/** A call of a class. */
const make = (args, options = null) => of(args, options, { make: true });

module.exports = { make, of };
