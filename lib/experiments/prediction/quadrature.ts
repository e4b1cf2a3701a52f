/**
 * Expectations over gaussian variables, in double precision. Gauss-Hermite quadrature converges slowly if f has a kink. So the
 * line is cut at 0, and for two variables where both are equal in size, into panels of doubling width, and Gauss-Legendre
 * quadrature is used on each panel.
 */

const order = 8;
/** Standard deviations up to which is integrated. Beyond them, each tail of a gaussian has less than 1e-15 of its area. */
const reach = 8;

interface QuadratureRule {
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
}

/** Returns nodes and weights of Gauss-Legendre quadrature on [-1, 1]. Newton's method finds the roots of the polynomial. */
function gaussLegendre(count: number): QuadratureRule {
  const nodes: number[] = [];
  const weights: number[] = [];
  for (let i = 0; i < count; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let derivative = 0;
    for (let step = 0; step < 50; step++) {
      let [before, value] = [1, x];
      for (let n = 2; n <= count; n++) [before, value] = [value, ((2 * n - 1) * x * value - (n - 1) * before) / n];
      derivative = (count * (x * value - before)) / (x * x - 1);
      const change = value / derivative;
      x -= change;
      if (Math.abs(change) < 1e-16) break;
    }
    nodes.push(x);
    weights.push(2 / ((1 - x * x) * derivative * derivative));
  }
  return { nodes, weights };
}

const rule = gaussLegendre(order);

/** Returns the sorted edges of the panels: 0, `first`, twice that and so on up to `reach`, and the `cuts` within that range. */
function breaks(first: number, cuts: readonly number[] = []): number[] {
  const list = [0];
  for (let at = first; at < reach; at *= 2) list.push(at);
  for (const cut of cuts) if (cut > 0 && cut < reach) list.push(cut);
  list.push(reach);
  return list.sort((a, b) => a - b);
}

/** Calls `visit` for points z > 0 and their weights: those of the rule on each panel, times the density of N(0, 1). */
function integrate(edges: readonly number[], visit: (z: number, weight: number) => void): void {
  for (let panel = 1; panel < edges.length; panel++) {
    const from = edges[panel - 1]!;
    const half = (edges[panel]! - from) / 2;
    if (half === 0) continue;
    for (let i = 0; i < order; i++) {
      const z = from + half * (1 + rule.nodes[i]!);
      visit(z, half * rule.weights[i]! * Math.exp((-z * z) / 2) * density);
    }
  }
}

const density = 1 / Math.sqrt(2 * Math.PI);

/** Returns E[g(x)] for x ~ N(0, variance), where g may have a kink or a jump at 0. */
export function expectation(g: (x: number) => number, variance: number): number {
  // A variance of 0 means the limit from both sides of 0, where g may differ.
  const deviation = Math.sqrt(Math.max(variance, 1e-300));
  let sum = 0;
  integrate(breaks(Math.min(1, 1 / deviation)), (z, weight) => {
    sum += weight * (g(deviation * z) + g(-deviation * z));
  });
  return sum;
}

/** Covariance of two correlated zero-mean gaussians s and t. */
export interface PairCovariance {
  readonly ss: number;
  readonly tt: number;
  readonly st: number;
}

/**
 * Integrates over gaussians s and t with a covariance whose ss and tt are positive: calls `visit` with points and their
 * weights, which add up to 1.
 * @param kink whether the integrand has kinks where s = t and s = -t, as f(s + t) and f(s - t) have if f has a kink at 0
 */
export function integratePair(
  { ss, tt, st }: PairCovariance,
  kink: boolean,
  visit: (s: number, t: number, weight: number) => void,
): void {
  const deviation = Math.sqrt(ss);
  const slope = st / ss;
  const rest = Math.sqrt(tt - slope * st); // deviation of t, given s
  const unit = Math.min(1, 1 / rest);
  const smooth = breaks(unit);
  // Near s = 0 the integral over t changes as fast as t is small.
  const width = kink ? Math.max(rest / deviation, 1e-3) : 1;
  integrate(breaks(Math.min(1, 1 / deviation, width)), (z, weight) => {
    for (const s of [deviation * z, -deviation * z]) {
      for (const side of [1, -1]) {
        const edges = kink ? breaks(unit, [(side * (s - slope * s)) / rest, (side * (-s - slope * s)) / rest]) : smooth;
        integrate(edges, (x, inner) => visit(s, slope * s + side * rest * x, weight * inner));
      }
    }
  });
}
