/** The harness of `saturnn bench`, in pieces that are recorded one by one: steps, convolutions, kernels. */

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

export const batchesOf = ({ options, device }: Context): readonly number[] =>
  options.smoke ? [2] : device.backend === 'cpu' ? [32] : [128, 1024];

type Activations = readonly [Activation, ...Activation[]];

const pieces = (activation: Activation, order: readonly Precision[], autotune: boolean) =>
  order.map((precision) => ({ activation, precision, autotune }));

/** A piece is recorded as soon as it is measured, so that a crash or the end of the time leaves those before it. */
function section(part: Part, seconds: number, about: string, activations: Activations): Section {
  return {
    name: part,
    about,
    seconds,
    run: async (context) => {
      const { device, options, precisions, left, record, skip } = context;
      // What a GPU is for comes first, should time run out.
      const order = [...precisions].sort((a, b) => rank(a) - rank(b));
      const chosen = options.smoke ? activations.slice(0, 2) : activations;
      const tuned = chosen.flatMap((activation) => pieces(activation, order, true));
      // Tuning takes as long as it takes: what does without it is measured before, lest there be nothing.
      const first = part === 'step' && device.backend !== 'cpu' ? pieces(activations[0], order, false) : [];
      const all = [...first, ...tuned];
      let ceilings: BenchReport['ceilings'] = {};
      for (const [index, { activation, precision, autotune }] of all.entries()) {
        // Those that come first have their share of the time; what comes after takes what is left.
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

const ranks = ['bf16', 'tf32', 'fp16', 'f32'];
const rank = (precision: string) => ranks.indexOf(precision);

/** @param reports of one device; at least one */
export function mergeReports(reports: readonly BenchReport[]): BenchReport {
  const [first] = reports;
  if (!first) throw new Error('no report');
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
export const steps = section('step', 110, 'the training step, against its floor', all);
export const kernels = section('kernels', 50, 'our own kernels, against a copy', usual);
export const convolutions = section('convolutions', 30, 'each convolution, against a matrix product', usual);
