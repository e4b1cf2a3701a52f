/**
 * Sections "step", "kernels" and "convolutions": the measurements of `saturnn bench`, in pieces that are recorded one by
 * one.
 */

import type { BenchReport } from '../../lib/measure/report';
import { bench, everyActivation, type Part } from '../../lib/measure/run';
import { formatReport } from '../../lib/measure/tables';
import type { Activation } from '../../lib/ops/activations';
import type { Precision } from '../../lib/runtime/device';
import { type Context, ofKind, type Row, type Section } from './section';

interface BenchRow extends Row {
  readonly kind: 'bench';
  readonly report: BenchReport;
}

/** Batch sizes to measure on a device. */
export const batchesOf = ({ options, device }: Context): readonly number[] =>
  options.smoke ? [2] : device.backend === 'cpu' ? [32] : [128, 1024];

type Activations = readonly [Activation, ...Activation[]];

const pieces = (activation: Activation, order: readonly Precision[], autotune: boolean) =>
  order.map((precision) => ({ activation, precision, autotune }));

/**
 * Makes a section that measures one part of `bench`. Each piece is recorded at once, so that a crash or lack of time
 * loses no other.
 */
function section(part: Part, seconds: number, about: string, activations: Activations): Section {
  return {
    name: part,
    about,
    seconds,
    run: async (context) => {
      const { device, options, precisions, left, record, skip } = context;
      // The time may run out, so the precisions that matter most on a GPU come first.
      const order = [...precisions].sort((a, b) => rank(a) - rank(b));
      const chosen = options.smoke ? activations.slice(0, 2) : activations;
      const tuned = chosen.flatMap((activation) => pieces(activation, order, true));
      // Tuning may use up all the time, so the step without tuning is measured first.
      const first = part === 'step' && device.backend !== 'cpu' ? pieces(activations[0], order, false) : [];
      const all = [...first, ...tuned];
      let ceilings: BenchReport['ceilings'] = {};
      for (const [index, { activation, precision, autotune }] of all.entries()) {
        // The first pieces share the time equally; each later piece may use all that is left.
        const shares = Math.max(1, first.length + order.length - index);
        const report = await bench(device, {
          parts: [part],
          precisions: [precision],
          model: 'inception33',
          width: options.smoke ? 0.1 : 1,
          batches: batchesOf(context),
          activations: [activation],
          autotune,
          rounds: options.smoke ? 1 : 7,
          ceilings,
          smoke: options.smoke,
          until: performance.now() + (1000 * left()) / shares,
        });
        ceilings = { ...ceilings, ...report.ceilings };
        record({ kind: 'bench', report: { ...report, ceilings: { [precision]: ceilings[precision] } } });
        for (const text of report.notRun) skip(text);
        for (const text of report.failed) record({ kind: 'failure', failed: text });
      }
    },
    format: (rows) => formatReport(mergeReports(ofKind<BenchRow>(rows, 'bench').map(({ report }) => report))),
  };
}

/** Precisions in the order of their importance on a GPU. */
const ranks = ['bf16', 'tf32', 'fp16', 'f32'];
const rank = (precision: string) => ranks.indexOf(precision);

/** Joins reports about one device. @throws Error if there are none */
function mergeReports(reports: readonly BenchReport[]): BenchReport {
  const [first] = reports;
  if (!first) throw new Error('Expected at least one report.');
  return {
    ...first,
    ceilings: Object.assign({}, ...reports.map(({ ceilings }) => ceilings)),
    kernels: reports.flatMap(({ kernels }) => kernels),
    convolutions: reports.flatMap(({ convolutions }) => convolutions),
    steps: reports.flatMap(({ steps }) => steps),
    notRun: [],
    failed: [],
  };
}

const all = everyActivation as Activations;
const usual = all.slice(0, 1) as unknown as Activations;
export const steps = section('step', 110, 'time of the training step, compared with its lower bound', all);
export const kernels = section('kernels', 50, "speed of saturnn's own kernels, compared with a copy", usual);
export const convolutions = section(
  'convolutions',
  30,
  'speed of each convolution, compared with a matrix product',
  usual,
);
