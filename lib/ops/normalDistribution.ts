/** The standard normal distribution in double precision, for GELU. */

/** Returns its density at x: e^(-x² / 2) / sqrt(2π). */
export const normalDensity = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** Returns the share below x, to a relative error of 1e-13, also far below 0. */
export const normalShare = (x: number): number => (x < 0 ? shareBeyond(-x) : 1 - shareBeyond(x));

/** Returns the share beyond a >= 0. */
function shareBeyond(a: number): number {
  if (Number.isNaN(a)) return a;
  if (a > 40) return 0;
  if (a < 2.5) {
    // The share between 0 and a is density · (a + a³ / 3 + a⁵ / (3 · 5) + ...).
    let sum = a;
    for (let term = a, n = 3; term > sum * Number.EPSILON; n += 2) sum += term *= (a * a) / n;
    return 0.5 - normalDensity(a) * sum;
  }
  // Mills' ratio as a continued fraction: 1 / (a + 1 / (a + 2 / (a + 3 / ...))).
  let rest = a;
  for (let n = 200; n > 0; n--) rest = a + n / rest;
  return normalDensity(a) / rest;
}
