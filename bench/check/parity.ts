/** Section "parity": compares twenty training steps of inception33 on the device with the same steps in f32 on the CPU. */
import { table } from '../../lib/report/textTable';
import { openDevice, type Precision } from '../../lib/runtime/device';
import { tolerances } from '../../test/tolerance';
import { ofKind, type Row, type Section } from './section';
import { type RunCase, withRun } from './training';

interface ParityRow extends Row {
  readonly kind: 'parity';
  readonly precision: Precision;
  readonly steps: number;
  /** Largest relative difference of a step's loss from the CPU's. */
  readonly difference: number;
  /** Limit of `difference`. */
  readonly allowed: number;
  readonly losses: readonly number[];
  readonly cpuLosses: readonly number[];
}

/**
 * Largest allowed relative difference of a loss: the rounding of a convolution's factors, which does not average out over
 * a step, but at least 1e-3, because f32 itself drifts by about that much.
 */
const allowedIn = (precision: Precision): number => Math.max(1e-3, tolerances[precision].term);

export const parity: Section = {
  name: 'parity',
  about: 'twenty steps of inception33 compared with the CPU',
  seconds: 50,
  run: async ({ device, options, precisions, left, record, skip }) => {
    const steps = options.smoke ? 3 : 20;
    const what: Omit<RunCase, 'precision'> = {
      model: 'inception33',
      width: options.smoke ? 0.1 : 1,
      batch: options.smoke ? 4 : 16,
      replay: true,
      learningRate: 0.01,
    };
    const cpuLosses = await withRun(openDevice('cpu'), { ...what, precision: 'f32' }, (run) => run.run(steps));
    for (const precision of precisions) {
      if (left() < 3) {
        skip(`${precision}: no time left`);
        continue;
      }
      const allowed = allowedIn(precision);
      const row = { kind: 'parity', precision, steps, allowed, cpuLosses } as const;
      try {
        const losses = await withRun(device, { ...what, precision }, (run) => run.run(steps));
        const differences = cpuLosses.map((loss, step) => Math.abs((losses[step] ?? Number.NaN) / loss - 1));
        const difference = Math.max(...differences.map((it) => (Number.isNaN(it) ? Number.POSITIVE_INFINITY : it)));
        const failed = difference <= allowed ? undefined : `the loss differs by ${difference.toExponential(1)}`;
        record({ ...row, losses, difference, ...(failed && { failed: `${precision}: ${failed}` }) });
      } catch (error) {
        record({ ...row, losses: [], difference: 0, failed: `${precision}: ${(error as Error).message}` });
      }
    }
  },
  format: (rows) => {
    const cells = ofKind<ParityRow>(rows, 'parity').map((row) => [
      row.precision,
      String(row.steps),
      row.difference.toExponential(1),
      row.allowed.toExponential(1),
      (row.cpuLosses.at(-1) ?? Number.NaN).toFixed(4),
      (row.losses.at(-1) ?? Number.NaN).toFixed(4),
    ]);
    return table(['precision', 'steps', 'loss differs by', 'allowed', 'last loss, CPU', 'last loss'], cells);
  },
};
