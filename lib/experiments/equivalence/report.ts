/** Tables and charts of `saturnn equivalence`. */
import { fromData } from '../../options/options';
import type { Chart, Series } from '../../report/option';
import type { ReportPage, ReportTable } from '../../report/page';
import type { EquivalenceResult } from './equivalence';
import type { Comparison, RuleRun } from './run';

const star = 'sigmoid*';
/** Relative difference, over the whole run, up to which two runs in f32 count as equal. */
export const tolerance = 1e-4;

const paddingOf = ({ padding }: Comparison): string => (padding ? 'with zero padding' : 'without padding');
const idOf = ({ padding }: Comparison, what: string): string => `${what}-${padding ? 'padding' : 'no-padding'}`;

/** Returns the largest relative difference, over steps, between the loss of a run and that of the sigmoid* run. */
function lossDistance({ loss }: Comparison, run: RuleRun): number {
  return greatest(run.loss.map((value, step) => Math.abs(value - loss[step]!) / Math.abs(loss[step]!)));
}

/** Returns the largest value. NaN, from steps after an overflow, is left out. */
export const greatest = (values: readonly number[]): number =>
  values.reduce((most, value) => (value > most ? value : most), 0);

const small = (value: number): string => (Number.isFinite(value) ? value.toExponential(1) : 'overflow');

/** Returns the table of a comparison, one row per rule. */
export function equivalenceTable(comparison: Comparison): ReportTable {
  const { loss, rules, moved } = comparison;
  const last = loss.length;
  const lossOf = (value: number | undefined) =>
    value === undefined || Number.isNaN(value) ? 'overflow' : value.toFixed(4);
  const rows = rules.map((run) => [
    run.title,
    lossOf(run.loss[last - 1]),
    small(lossDistance(comparison, run)),
    ...[0, 1, last].map((step) => small(run.outputs[step]!)),
    small(greatest(run.outputs)),
    small(greatest(run.parameters)),
  ]);
  return {
    title: `Departure from the ${star} run, ${paddingOf(comparison)}`,
    heads: [
      ...['rule', 'last loss', 'loss: largest', 'outputs: at step 0', 'after 1', `after ${last}`, 'largest'],
      'parameters: largest',
    ],
    rows: [[star, lossOf(loss[last - 1]), ...Array<string>(6).fill('-')], ...rows],
    note:
      `Differences are relative to the ${star} run: in the loss of a step's batch, the logits of the probe images, and all ` +
      `parameters (as J maps them). Training has moved the parameters by ${(100 * moved[last]!).toFixed(1)} % of their ` +
      `norm. The last row is the ${star} network again, from weights that differ in their last bit.`,
  };
}

/** Colours in the order of the rules. 0 is the sigmoid* run's; the second series with the same colour is dashed. */
const styles: readonly Pick<Series, 'colour' | 'dashed'>[] = [
  ...[1, 2, 3, 4, 5].map((colour) => ({ colour })),
  ...[11, 6, 7].map((colour) => ({ colour, dashed: true })),
];

function chartsOf(comparison: Comparison): Chart[] {
  const { loss, rules } = comparison;
  const padding = paddingOf(comparison);
  const style = (index: number) => styles[index % styles.length];
  const lossOf = (name: string, values: readonly number[]): Series => ({
    name,
    points: values.map((value, step) => [step + 1, value]),
  });
  const distances = (of: 'outputs' | 'parameters'): Series[] =>
    rules.map((run, index) => ({
      name: run.title,
      points: run[of].map((value, step) => [step, value]),
      ...style(index),
    }));
  const logarithmic = (label: string) => ({ label, log: true });
  return [
    {
      id: idOf(comparison, 'outputs'),
      title: `Distance of the outputs from the ${star} run, ${padding}`,
      caption: '‖z′ − z‖ / ‖z‖ of the logits of the same images.',
      x: { label: 'steps' },
      y: logarithmic('relative distance'),
      series: distances('outputs'),
    },
    {
      id: idOf(comparison, 'parameters'),
      title: `Distance of the parameters from the ${star} run, ${padding}`,
      caption: '‖θ′ − Jθ‖ / ‖Jθ‖ over all parameters.',
      x: { label: 'steps' },
      y: logarithmic('relative distance'),
      series: distances('parameters'),
    },
    {
      id: idOf(comparison, 'loss'),
      title: `Training loss, ${padding}`,
      caption:
        'Loss of the batch of each step. The curves of the first two rules are expected to coincide with the sigmoid* run.',
      x: { label: 'step' },
      y: { label: 'loss' },
      series: [
        { ...lossOf(star, loss), colour: 0 },
        ...rules.slice(0, -1).map((run, index) => ({
          ...lossOf(run.title, run.loss),
          ...style(index),
          ...(index < 2 && { dashed: true }),
        })),
      ],
    },
  ];
}

/** Says in a sentence whether the exact rule agrees with the sigmoid* run. */
export function verdict({ comparisons }: EquivalenceResult): string {
  const parts = comparisons.map((comparison) => {
    const [exact] = comparison.rules;
    const most = Math.max(lossDistance(comparison, exact!), greatest(exact!.outputs), greatest(exact!.parameters));
    const own = comparison.rules.at(-1)!;
    const allowed = Math.max(lossDistance(comparison, own), greatest(own.outputs), greatest(own.parameters));
    const agrees = most <= tolerance && exact!.overflow === null;
    const is = `${small(most)} ${paddingOf(comparison)}, ${agrees ? 'within' : 'beyond'} ${tolerance}`;
    return agrees ? is : `${is} (${star} with weights changed in their last bit: ${small(allowed)})`;
  });
  return `The exact rule differs from the ${star} run by at most ${parts.join('; ')}.`;
}

/**
 * Returns the report that `saturnn equivalence --out` writes, for writeReport().
 * @param environment versions and machine, shown among the settings
 */
export function equivalencePage(result: EquivalenceResult, environment: Readonly<Record<string, unknown>>): ReportPage {
  return fromData('result', 'the results of the experiment', result, () => {
    const { comparisons, settings } = result;
    const { deviceInfo, ...own } = settings;
    return {
      title: `${star} and sigmoid: the same network?`,
      lead:
        `A ${star} network and sigmoid networks are trained on the same batches: one sigmoid network by the exact ` +
        `re-parametrisation, the others with factors on the learning rate. ${verdict(result)}`,
      tables: comparisons.map(equivalenceTable),
      charts: comparisons.flatMap(chartsOf),
      settings: { ...own, device_details: deviceInfo, environment },
    };
  });
}
