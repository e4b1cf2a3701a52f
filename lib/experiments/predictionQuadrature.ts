/**
 * Expectations over gaussian variables in double. Gauss-Hermite quadrature converges slowly where f has a kink, so the line is
 * cut at 0, and at the other variable's size, into panels that double in width, with Gauss-Legendre quadrature on each.
 */

const order = 12;
/** Beyond as many standard deviations a gaussian's share is below 1e-31. */
const reach = 12;

interface Rule {
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
}

/** Nodes and weights on [-1, 1]: the roots of the Legendre polynomial by Newton's method. */
function gaussLegendre(count: number): Rule {
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

/** The integral of g(z) phi(z) over z > 0, phi being the density of N(0, 1). */
function halfLine(g: (z: number) => number, edges: readonly number[]): number {
  let sum = 0;
  for (let panel = 1; panel < edges.length; panel++) {
    const [from, to] = [edges[panel - 1]!, edges[panel]!];
    const half = (to - from) / 2;
    for (let i = 0; i < order; i++) {
      const z = from + half * (1 + rule.nodes[i]!);
      sum += half * rule.weights[i]! * g(z) * Math.exp((-z * z) / 2);
    }
  }
  return sum / Math.sqrt(2 * Math.PI);
}

/** E[g(x)] of x ~ N(0, variance); g may have a kink or a jump at 0. */
export function expectation(g: (x: number) => number, variance: number): number {
  // A variance of 0 is a limit from both sides: g may differ between them.
  const deviation = Math.sqrt(Math.max(variance, 1e-300));
  const edges = breaks(Math.min(1, 1 / deviation));
  return halfLine((z) => g(deviation * z) + g(-deviation * z), edges);
}

/**
 * E[(g(s + t) - g(s - t))²] of independent s ~ N(0, sumVariance) and t ~ N(0, differenceVariance); g may have a kink at 0. What
 * two inputs differ by, without the cancellation of E[g²] - E[g g'] where they are nearly the same.
 */
export function squaredDifference(g: (x: number) => number, sumVariance: number, differenceVariance: number): number {
  const [deviation, small] = [Math.sqrt(sumVariance), Math.sqrt(differenceVariance)];
  const unit = Math.min(1, 1 / small);
  const inner = (s: number): number => {
    const square = (z: number) => (g(s + small * z) - g(s - small * z)) ** 2;
    return 2 * halfLine(square, breaks(unit, [Math.abs(s) / small]));
  };
  if (sumVariance === 0) return inner(0);
  const edges = breaks(Math.min(1, 1 / deviation, small / deviation));
  return halfLine((z) => inner(deviation * z) + inner(-deviation * z), edges);
}
