/** The losses of a search for a learning rate, and the rates that they suggest. */
import { fromData } from '../../options/options';
import type { Chart } from '../../report/option';

/** A step of the search. */
export interface RatePoint {
  /** Number of the step, from 1. */
  readonly step: number;
  /** Learning rate of the step. */
  readonly rate: number;
  /** Loss of its batch, before the step changed the weights. */
  readonly loss: number;
  /** Exponential mean of the losses until then, without the bias of its beginning. */
  readonly smoothed: number;
}

/** The result of findLearningRate(). */
export interface RateCurve {
  /** The steps, in order. A step whose loss was not finite has no point. */
  readonly points: readonly RatePoint[];
  /**
   * The rate at which the smoothed loss falls fastest, per factor of the rate: the usual choice. The slope is that of a straight line
   * through a tenth of the steps. It is looked for before the smallest smoothed loss, and not in the first tenth of the steps, whose mean
   * is of few batches. Null: the loss never falls there.
   */
  readonly steepest: number | null;
  /** A tenth of the rate with the smallest smoothed loss, which is another usual choice. Null without points. */
  readonly tenthOfMinimum: number | null;
  /** Why the search ended: all steps were done, the smoothed loss became 4 times its minimum, or the loss was not finite. */
  readonly ended: 'done' | 'diverged' | 'nonFinite';
}

/** The search ends when the smoothed loss is this many times its minimum. */
const divergence = 4;

/** Collects the losses of a search. */
export class RateRecorder {
  readonly #points: RatePoint[] = [];
  #mean = 0;

  /**
   * @param steps the number of steps that are to be done
   * @param smoothing the share of the old mean that the mean of the losses keeps in each step
   */
  constructor(
    private readonly steps: number,
    private readonly smoothing: number,
  ) {}

  /** Adds a step. @returns whether the loss has diverged */
  add(rate: number, loss: number): boolean {
    const step = this.#points.length + 1;
    this.#mean = this.smoothing * this.#mean + (1 - this.smoothing) * loss;
    const smoothed = this.#mean / (1 - this.smoothing ** step);
    this.#points.push({ step, rate, loss, smoothed });
    const least = this.#points[this.#lowest()]!.smoothed;
    return least > 0 && smoothed > divergence * least;
  }

  /** Returns the curve of the steps until now. */
  curve(ended: RateCurve['ended']): RateCurve {
    const points = [...this.#points];
    const lowest = this.#lowest();
    const minimum = points[lowest]?.rate;
    return {
      points,
      steepest: steepestOf(points, this.steps, lowest),
      tenthOfMinimum: minimum === undefined ? null : minimum / 10,
      ended,
    };
  }

  /** Returns the index of the smallest smoothed loss; the first one of several. */
  #lowest(): number {
    return this.#points.reduce((best, { smoothed }, at, all) => (smoothed < all[best]!.smoothed ? at : best), 0);
  }
}

/**
 * Returns the rate at which the straight line through the smoothed losses around it falls fastest; null if none falls. The line is that of
 * least squares through a tenth of all steps: the difference of two neighbours would be that of their batches.
 * @param lowest index of the smallest smoothed loss, before which the rate is looked for
 */
function steepestOf(points: readonly RatePoint[], steps: number, lowest: number): number | null {
  const reach = Math.max(1, Math.round(steps / 20));
  let [rate, steepest]: [number | null, number] = [null, 0];
  for (let at = Math.ceil(steps / 10); at < Math.min(lowest, points.length - reach); at++) {
    // Rates are equally far apart on a logarithmic scale, so that steps may take their place.
    let slope = 0;
    for (let by = -reach; by <= reach; by++) slope += by * points[at + by]!.smoothed;
    if (slope < steepest) [rate, steepest] = [points[at]!.rate, slope];
  }
  return rate;
}

/**
 * Returns a chart of a search: loss and smoothed loss over the rate, with a line at the steepest descent. For chartSvg() and writeReport().
 * @throws ERR_INVALID_ARGUMENT if the curve has not the form of its type
 */
export const rateChart = (curve: RateCurve): Chart =>
  fromData('curve', 'a result of findLearningRate()', curve, () => chartOf(curve));

function chartOf({ points, steepest }: RateCurve): Chart {
  const values = points.map(({ smoothed }) => smoothed);
  const low = values.reduce((a, b) => Math.min(a, b), Number.MAX_VALUE);
  const falling = values.slice(0, values.indexOf(low) + 1);
  // What comes after the smallest loss may be a thousand times all others.
  const high = 1.5 * falling.reduce((a, b) => Math.max(a, b), 0);
  const suggestion = steepest === null ? [] : [suggested(steepest, low, high)];
  return {
    id: 'learning-rates',
    title: 'Loss by learning rate',
    x: { label: 'learning rate', log: true },
    y: { label: 'loss', ...(high > 0 && { max: high }) },
    series: [
      { name: 'smoothed loss', points: points.map(({ rate, smoothed }) => [rate, smoothed] as const), colour: 0 },
      {
        ...{ name: 'loss of each step', dashed: true, colour: 5 },
        points: points.map(({ rate, loss }) => [rate, loss] as const),
      },
      ...suggestion,
    ],
  };
}

const suggested = (rate: number, low: number, high: number) => ({
  ...{ name: `steepest descent: ${Number(rate.toPrecision(2))}`, colour: 1 },
  points: [
    [rate, low],
    [rate, high],
  ] as const,
});

/** Returns a search as CSV: a row per step. */
export const rateCsv = ({ points }: RateCurve): string =>
  `${['step,rate,loss,smoothed', ...points.map((p) => [p.step, p.rate, p.loss, p.smoothed].join())].join('\n')}\n`;
