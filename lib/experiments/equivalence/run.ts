/** Trains a sigmoid* network and, on the same batches, a sigmoid network by each rule, and measures how far they are apart. */
import { DataLoader } from '../../data/loader';
import type { Model } from '../../models/model';
import { Sgd } from '../../optim/sgd';
import { Contestant, type Surroundings } from './contestant';
import { mapParameters, type Values } from './map';
import { sigmoidTwin } from './network';
import { lastBit, type Rule, type SgdSettings } from './rules';

/** The run of one rule, compared with the sigmoid* run. Values are NaN after an overflow. */
export interface RuleRun {
  /** Name of the rule in options and JSON: "exact", "centred16", ... */
  readonly name: string;
  /** Name of the rule in tables and charts. */
  readonly title: string;
  /** Loss of each step's batch, before its update: one entry per step. */
  readonly loss: readonly number[];
  /**
   * ‖z' - z‖ / ‖z‖, where z' are the logits of the rule's network for the probe images, and z those of the sigmoid* network:
   * entry t after t steps, entry 0 before the first.
   */
  readonly outputs: readonly number[];
  /**
   * ‖theta' - J theta‖ / ‖J theta‖ over all parameters theta' of the rule's network, where J theta are the parameters with
   * which it would compute the same as the sigmoid* network (mapParameters()): entry t after t steps, entry 0 before the
   * first.
   */
  readonly parameters: readonly number[];
  /** First step, from 1, whose loss or gradient was not finite; null: none. */
  readonly overflow: number | null;
}

/** All rules, compared with one run of the sigmoid* network. */
export interface Comparison {
  /** Whether convolutions pad with zeros. */
  readonly padding: boolean;
  /** Loss of the sigmoid* network for each step's batch, before its update. */
  readonly loss: readonly number[];
  /**
   * ‖J theta_t - J theta_0‖ / ‖J theta_0‖ after t steps: the relative distance by which training has moved the parameters. J
   * theta is as in RuleRun.parameters.
   */
  readonly moved: readonly number[];
  /**
   * The rules of docs/equivalence.md in order; last, the sigmoid* network again, from weights that differ in their last bit.
   */
  readonly rules: readonly RuleRun[];
}

/** Options of compareRules(). */
export interface ContestOptions extends Surroundings, SgdSettings {
  /** Makes the sigmoid* network, with new Parameters at each call. */
  readonly model: () => Model;
  readonly padding: boolean;
  readonly rules: readonly Rule[];
  readonly steps: number;
  readonly learningRate: number;
  /** Labels of the training images. */
  readonly labels: Int32Array;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: number) => void;
}

interface Entrant {
  readonly rule: Pick<Rule, 'name' | 'title'>;
  readonly contestant: Contestant;
  readonly values: () => Promise<Values>;
  /** The parameters it would have if it did the same as the sigmoid* network, from the parameters of that network. */
  readonly map: (star: Values) => Values;
  readonly run: { loss: number[]; outputs: number[]; parameters: number[]; overflow: number | null };
}

/**
 * Trains all networks on the same batches and measures their distances after every step.
 * @throws what compile throws; ERR_INVALID_ARGUMENT for a model without a sigmoid counterpart; the signal's reason
 */
export async function compareRules(options: ContestOptions): Promise<Comparison> {
  const { steps, learningRate, batch, labels, seed, signal } = options;
  const contestants: Contestant[] = [];
  const keep = (contestant: Contestant) => {
    contestants.push(contestant);
    return contestant;
  };
  try {
    const model = options.model();
    const { momentum, weightDecay } = options;
    const sgd = new Sgd({ momentum, weightDecay });
    const star = keep(await Contestant.create(model, sgd, options));
    const drawn = await star.values();
    const reference = sigmoidTwin(model);
    const mapped = (values: Values) => mapParameters(reference, values);
    const runners: Entrant[] = [];
    const enter = (rule: Entrant['rule'], contestant: Contestant, values: Entrant['values'], map: Entrant['map']) =>
      runners.push({ rule, contestant, values, map, run: { loss: [], outputs: [], parameters: [], overflow: null } });
    for (const rule of options.rules) {
      const twin = sigmoidTwin(model, rule.network);
      const optimizer = rule.optimizer(twin, { momentum, weightDecay });
      const contestant = keep(await Contestant.create(twin.model, optimizer, options, rule.start(twin, drawn)));
      enter(
        rule,
        contestant,
        () => contestant.values(),
        (values) => rule.map(twin, values),
      );
    }
    const again = keep(await Contestant.create(options.model(), sgd, options, lastBit.start(drawn)));
    enter(lastBit, again, async () => mapped(await again.values()), mapped);
    const first = mapped(drawn);
    const loss: number[] = [];
    const moved: number[] = [];
    const look = async () => {
      const values = await star.values();
      moved.push(distance(mapped(values), first));
      await measure(runners, values, await star.logits());
    };
    await look();
    const loader = new DataLoader({ labels, batch, shuffle: true, seed });
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      const given = loader.epoch(Math.floor(step / loader.steps)).batches(step % loader.steps, 1);
      const inputs = { indices: given.indices, labels: given.labels };
      loss.push((await star.step(inputs, learningRate)).loss);
      for (const { contestant, run } of runners) {
        const taken = run.overflow === null ? await contestant.step(inputs, learningRate) : null;
        run.loss.push(taken?.loss ?? Number.NaN);
        if (taken && !taken.finite) run.overflow = step + 1;
      }
      await look();
      options.onStep?.(step + 1);
    }
    const results = runners.map(({ rule: { name, title }, run }) => ({ name, title, ...run }));
    return { padding: options.padding, loss, moved, rules: results };
  } finally {
    for (const contestant of contestants) contestant.dispose();
  }
}

async function measure(runners: readonly Entrant[], star: Values, logits: Float32Array): Promise<void> {
  for (const { contestant, values, map, run } of runners) {
    const counts = run.overflow === null;
    run.parameters.push(counts ? distance(await values(), map(star)) : Number.NaN);
    run.outputs.push(
      counts ? distance(new Map([['', await contestant.logits()]]), new Map([['', logits]])) : Number.NaN,
    );
  }
}

/** Returns ‖a - b‖ / ‖b‖ over all values. */
export function distance(a: Values, b: Values): number {
  let [difference, size] = [0, 0];
  for (const [name, of] of b) {
    const other = a.get(name)!;
    for (let index = 0; index < of.length; index++) {
      difference += (other[index]! - of[index]!) ** 2;
      size += of[index]! ** 2;
    }
  }
  return Math.sqrt(difference / size);
}
