/** Bounds how long a valid call of calls.cjs computes. */

/**
 * Returns arguments whose valid sizes are small: 2^31 steps of training are a valid wish, but no call to wait for. `most` is the
 * largest number of any argument, or the largest value of each named option. `fill` is used for options that are missing, because
 * the defaults of some experiments compute for minutes. Numbers that are no sizes (fractions, 2^53 and more, negative ones) stay:
 * they must be refused.
 */
function bounded(row, args) {
  if (row.most === undefined) return args;
  try {
    return smaller(row, args);
  } catch {
    return args; // A getter of the caller has thrown, which the call will see too.
  }
}

/** Whether a value can hold options: also an object of another realm, or without a prototype. */
function isPlain(value) {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function smaller({ most, fill = {}, options }, args) {
  const within = (value, limit) =>
    typeof value === 'number' && value > limit && value <= Number.MAX_SAFE_INTEGER ? limit : value;
  if (typeof most === 'number') return args.map((value) => within(value, most));
  const given = args[options];
  if (given !== undefined && !isPlain(given)) return args;
  const own = { ...given };
  for (const [name, value] of Object.entries(fill)) if (own[name] === undefined) own[name] = value;
  for (const [name, limit] of Object.entries(most)) if (name in own) own[name] = within(own[name], limit);
  const changed = [...args];
  if (Object.keys(own).length > 0) changed[options] = own;
  return changed;
}

module.exports = { bounded };
