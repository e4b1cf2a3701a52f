/**
 * Expectations over gaussian variables in double. Gauss-Hermite quadrature converges slowly where f has a kink, so the line is
 * cut at 0, and at the other variable's size, into panels that double in width, with Gauss-Legendre quadrature on each.
 */

const order = 8;
/** Beyond as many standard deviations a gaussian's share is below 1e-15. */
const reach = 8;

interface QuadratureRule {
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
}

/** Nodes and weights on [-1, 1]: the roots of the Legendre polynomial by Newton's method. */
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

/** 0, then widths that double from `first` on, up to `reach`; and the further `cuts` among them. */
function breaks(first: number, cuts: readonly number[] = []): number[] {
  const list = [0];
  for (let at = first; at < reach; at *= 2) list.push(at);
  for (const cut of cuts) if (cut > 0 && cut < reach) list.push(cut);
  list.push(reach);
  return list.sort((a, b) => a - b);
}

/** Calls `visit` for points of the half-line z > 0 and their weights: those of the rule on each panel, times the density of N(0, 1). */
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

/** E[g(x)] of x ~ N(0, variance); g may have a kink or a jump at 0. */
export function expectation(g: (x: number) => number, variance: number): number {
  // A variance of 0 is a limit from both sides: g may differ between them.
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
 * Integrates over gaussians s and t with this covariance, ss and tt positive: calls `visit` with points and their weights, which
 * add up to 1. @param kink whether the integrand has kinks where s = t and s = -t, as f(s + t) and f(s - t) have if f has one at 0
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
