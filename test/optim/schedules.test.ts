/** Schedules: learning rates at the boundaries of each, saving and restoring, texts, and values that are refused. */
import { describe, expect, test } from 'vitest';
import type { EpochEvent } from '../../lib/optim/metric';
import { parseSchedule, parseSpan } from '../../lib/optim/parseSchedule';
import { plateauRate } from '../../lib/optim/plateau';
import { constantRate, type Schedule } from '../../lib/optim/schedule';
import { cosineRate, oneCycleRate, stepRate, warmUp } from '../../lib/optim/schedules';

const length = { stepsPerEpoch: 10, totalSteps: 100 };
const at = (schedule: Schedule, ...steps: number[]) => steps.map((step) => schedule.at(step, length));
const epoch = (metrics: Partial<EpochEvent>) => metrics as EpochEvent;

const invalid = (text: string | RegExp) =>
  expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(text) });

test('constant', () => expect(at(constantRate(0.3), 0, 99, 1e6)).toEqual([0.3, 0.3, 0.3]));

describe('step', () => {
  test('falls in the first step of the given epochs', () => {
    const schedule = stepRate({ rate: 1, milestones: [3, 5], factor: 0.5 });
    expect(at(schedule, 0, 29, 30, 49, 50, 99)).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25]);
  });
  test('or at the given steps', () => {
    const schedule = stepRate({ rate: 1, milestones: [3], unit: 'steps', factor: 0 });
    expect(at(schedule, 2, 3)).toEqual([1, 0]);
  });
});

describe('cosine', () => {
  test('goes from the rate to the minimum, which it keeps', () => {
    const [first, middle, end, beyond] = at(cosineRate({ rate: 1, minimum: 0.2 }), 0, 50, 100, 150);
    expect([first, end, beyond]).toEqual([1, 0.2, 0.2]);
    expect(middle).toBeCloseTo(0.6, 12);
  });
});

describe('one cycle', () => {
  const schedule = oneCycleRate({ peak: 1, warmUpShare: 0.3, initialDivision: 20, finalDivision: 100 });
  test('rises to the peak and falls to the last rate', () => {
    const [first, peak, last, beyond] = at(schedule, 0, 29, 99, 200);
    expect(first).toBeCloseTo(0.05, 12);
    expect(peak).toBe(1);
    expect(last).toBe(0.0005);
    expect(beyond).toBe(last);
  });
  test('rises before the peak, and falls after it', () => {
    const rates = at(schedule, ...Array(100).keys());
    rates.slice(1).forEach((rate, i) => {
      expect(Math.sign(rate - (rates[i] as number)), `step ${i + 1}`).toBe(i < 29 ? 1 : -1);
    });
  });
  test.each([0, 1])('has a finite rate in every step with a share of %d', (warmUpShare) => {
    const edge = oneCycleRate({ peak: 1, warmUpShare });
    for (const totalSteps of [1, 2, 7]) {
      const rates = Array.from({ length: totalSteps + 1 }, (_, step) =>
        edge.at(step, { stepsPerEpoch: 1, totalSteps }),
      );
      for (const rate of rates) expect(rate > 0 && rate <= 1, `${rates}`).toBe(true);
    }
  });
});

describe('warm-up', () => {
  test('has the full rate in its last step', () => {
    expect(at(warmUp(constantRate(1), { steps: 4 }), 0, 1, 2, 3, 4, 50)).toEqual([0.25, 0.5, 0.75, 1, 1, 1]);
  });
  test('counts epochs, and parts of them', () => {
    expect(at(warmUp(constantRate(1), { epochs: 0.5 }), 0, 4, 5)).toEqual([0.2, 1, 1]);
  });
  test('scales what the other schedule says of the same step', () => {
    const cosine = cosineRate({ rate: 1 });
    const [third, tenth] = at(warmUp(cosine, { epochs: 1 }), 3, 10);
    expect(third).toBeCloseTo(0.4 * cosine.at(3, length), 12);
    expect(tenth).toBe(cosine.at(10, length));
  });
  test('passes on what a plateau observes and saves', () => {
    const make = () => warmUp(plateauRate({ rate: 1, factor: 0.5, patience: 0 }), { steps: 2 });
    const schedule = make();
    schedule.observe?.(epoch({ testLoss: 1 }));
    schedule.observe?.(epoch({ testLoss: 2 }));
    expect(at(schedule, 0, 1, 2)).toEqual([0.25, 0.5, 0.5]);
    const resumed = make();
    resumed.restore?.(JSON.parse(JSON.stringify(schedule.save?.())));
    expect(at(resumed, 0, 2)).toEqual([0.25, 0.5]);
    expect(warmUp(constantRate(1), { steps: 1 })).not.toHaveProperty('observe');
  });
});

describe('plateau', () => {
  const observed = (schedule: Schedule, values: readonly Partial<EpochEvent>[]) =>
    values.map((value) => {
      schedule.observe?.(epoch(value));
      return schedule.at(0, length);
    });

  test('lowers the rate after more than `patience` epochs without improvement, and not below the minimum', () => {
    const schedule = plateauRate({ rate: 1, factor: 0.5, patience: 1, minimum: 0.3 });
    const losses = [2, 1, 1, 1, 1, 1, 0.5, 1, 1].map((testLoss) => ({ testLoss }));
    expect(observed(schedule, losses)).toEqual([1, 1, 1, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3]);
  });

  test('an accuracy improves upwards', () => {
    const schedule = plateauRate({ rate: 1, factor: 0.5, patience: 0, metric: 'testAccuracy' });
    const accuracies = [0.1, 0.2, 0.2, 0.1, 0.3].map((testAccuracy) => ({ testAccuracy, testLoss: 9 }));
    expect(observed(schedule, accuracies)).toEqual([1, 1, 0.5, 0.25, 0.25]);
  });

  test('a metric that is missing or NaN is no improvement', () => {
    const schedule = plateauRate({ rate: 1, factor: 0.5, patience: 0 });
    const found = observed(schedule, [{ testLoss: Number.NaN }, { testLoss: 5 }, {}, { testLoss: Number.NaN }]);
    expect(found).toEqual([0.5, 0.5, 0.5, 0.25]);
  });

  test('continues after restore() as without an interruption', () => {
    const make = () => plateauRate({ rate: 1, factor: 0.5, patience: 2 });
    const losses = [1, 2, 2, 2, 0.5, 1, 1, 1, 1, 1].map((testLoss) => ({ testLoss }));
    const want = observed(make(), losses);
    for (let cut = 0; cut <= losses.length; cut++) {
      const before = make();
      observed(before, losses.slice(0, cut));
      const after = make();
      after.restore?.(JSON.parse(JSON.stringify(before.save?.())));
      expect(observed(after, losses.slice(cut))).toEqual(want.slice(cut));
    }
  });

  test('what is saved does not change afterwards', () => {
    const schedule = plateauRate({ rate: 1, factor: 0.5, patience: 0 });
    const saved = schedule.save?.();
    observed(schedule, [{ testLoss: 1 }, { testLoss: 2 }]);
    schedule.restore?.(saved);
    expect(schedule.at(0, length)).toBe(1);
  });

  test.each<[unknown, RegExp]>([
    [null, /save/],
    [7, /save/],
    [{ rate: -1, best: null, waited: 0 }, /rate of a saved plateau.*-1/],
    [{ rate: 1, best: 'x', waited: 0 }, /best of a saved plateau/],
    [{ rate: 1, best: 1, waited: 0.5 }, /waited of a saved plateau/],
  ])('%j is no saved state', (saved, message) => {
    expect(() => plateauRate({ rate: 1 }).restore?.(saved)).toThrow(invalid(message));
  });
});

describe('a learning rate that is NaN, infinite or negative is refused by name', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, -0.1, '0.1' as never, undefined as never])('%s', (rate) => {
    expect(() => constantRate(rate)).toThrow(invalid('learningRate'));
    expect(() => stepRate({ rate, milestones: [1] })).toThrow(invalid('rate'));
    expect(() => cosineRate({ rate })).toThrow(invalid('rate'));
    expect(() => oneCycleRate({ peak: rate })).toThrow(invalid('peak'));
    expect(() => plateauRate({ rate })).toThrow(invalid('rate'));
  });
});

describe('other numbers', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['no milestones', () => stepRate({ rate: 1, milestones: [] }), /milestones/],
    ['a milestone of 0', () => stepRate({ rate: 1, milestones: [0] }), /milestones\[0\].*0/],
    ['falling milestones', () => stepRate({ rate: 1, milestones: [5, 5] }), /milestones\[1\].*5/],
    ['a milestone of NaN', () => stepRate({ rate: 1, milestones: [Number.NaN] }), /milestones\[0\].*NaN/],
    ['an unknown unit', () => stepRate({ rate: 1, milestones: [1], unit: 'days' as never }), /unit.*"days"/],
    ['a factor above 1', () => stepRate({ rate: 1, milestones: [1], factor: 2 }), /factor.*2/],
    ['a minimum above the rate', () => cosineRate({ rate: 1, minimum: 2 }), /minimum.*2/],
    ['a share of NaN', () => oneCycleRate({ peak: 1, warmUpShare: Number.NaN }), /warmUpShare.*NaN/],
    ['a division by 0', () => oneCycleRate({ peak: 1, finalDivision: 0 }), /finalDivision.*0/],
    ['an unknown metric', () => plateauRate({ rate: 1, metric: 'toString' as never }), /metric.*"toString"/],
    ['half an epoch of patience', () => plateauRate({ rate: 1, patience: 0.5 }), /patience.*0\.5/],
    ['no options', () => cosineRate(undefined as never), /options/],
    ['no schedule', () => warmUp(null as never, { steps: 1 }), /schedule/],
    ['a warm-up of neither', () => warmUp(constantRate(1), {}), /warm-up.*neither/],
    ['a warm-up of both', () => warmUp(constantRate(1), { steps: 1, epochs: 1 }), /warm-up.*both/],
    ['a warm-up of 0 steps', () => warmUp(constantRate(1), { steps: 0 }), /steps of warm-up.*0/],
    ['a warm-up of NaN epochs', () => warmUp(constantRate(1), { epochs: Number.NaN }), /epochs of warm-up.*NaN/],
  ])('%s', (_, make, message) => expect(make).toThrow(invalid(message)));
});

describe('texts', () => {
  test.each<[string, Schedule]>([
    ['constant', constantRate(0.4)],
    ['step:3,7', stepRate({ rate: 0.4, milestones: [3, 7] })],
    ['step:30,70steps:0.5', stepRate({ rate: 0.4, milestones: [30, 70], unit: 'steps', factor: 0.5 })],
    ['cosine', cosineRate({ rate: 0.4 })],
    ['cosine:0.01', cosineRate({ rate: 0.4, minimum: 0.01 })],
    ['onecycle', oneCycleRate({ peak: 0.4 })],
    ['onecycle:0.2:100', oneCycleRate({ peak: 0.4, warmUpShare: 0.2, finalDivision: 100 })],
  ])('%s', (text, want) => {
    const parsed = parseSchedule(text, { rate: 0.4 });
    expect(parsed.name).toBe(want.name);
    const steps = [...Array(101).keys()];
    expect(at(parsed, ...steps)).toEqual(at(want, ...steps));
  });

  test('plateau:0.5:0:testAccuracy', () => {
    const schedule = parseSchedule('plateau:0.5:0:testAccuracy', { rate: 0.4 });
    schedule.observe?.(epoch({ testAccuracy: 0.5 }));
    schedule.observe?.(epoch({ testAccuracy: 0.5 }));
    expect(at(schedule, 0)).toEqual([0.2]);
    expect(parseSchedule('plateau', { rate: 0.4 }).at(0, length)).toBe(0.4);
  });

  test.each<[string, RegExp]>([
    ['', /constant, step.*schedule.*""/],
    ['cosin', /constant, step.*"cosin"/],
    ['constant:1', /"constant:1"/],
    ['step', /milestones\[0\].*NaN/],
    ['step:', /milestones\[0\].*NaN/],
    ['step:3,,7', /milestones\[1\].*NaN/],
    ['step:3:x', /factor of schedule "step:3:x".*"x"/],
    ['cosine:', /minimum of schedule/],
    ['cosine:1', /minimum.*1/],
    ['cosine:Infinity', /minimum of schedule/],
    ['onecycle:2', /warmUpShare.*2/],
    ['onecycle:0.1:2:3', /"onecycle:0.1:2:3"/],
    ['plateau:0.1:5:loss', /metric.*"loss"/],
  ])('%j is refused', (text, message) => {
    expect(() => parseSchedule(text, { rate: 0.4 })).toThrow(invalid(message));
  });

  test('spans', () => {
    expect(parseSpan('warm-up', '5')).toEqual({ epochs: 5 });
    expect(parseSpan('warm-up', '0.5')).toEqual({ epochs: 0.5 });
    expect(parseSpan('warm-up', '500steps')).toEqual({ steps: 500 });
    for (const text of ['', '0', '-1', 'x', '1.5steps', '0steps', '5 epochs', '1e400', 'Infinity'])
      expect(() => parseSpan('warm-up', text), text).toThrow(invalid(/warm-up/));
  });
});
