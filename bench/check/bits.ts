/** Section "bits": a second run, a run launched kernel by kernel and a traced run must give the same bits as the first. */
import { table } from '../../lib/report/textTable';
import type { Device, Precision } from '../../lib/runtime/device';
import { ofKind, type Row, type Section } from './section';
import { type RunCase, withRun } from './training';

interface BitsRow extends Row {
  readonly kind: 'bits';
  readonly precision: Precision;
  readonly batch: number;
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

const ways = ['again', 'kernel by kernel', 'traced'] as const;

/** Trains for `steps` steps in one of the ways. @returns a digest of the State after them */
async function digestOf(device: Device, what: RunCase, way: (typeof ways)[number], steps: number): Promise<string> {
  const replay = way !== 'kernel by kernel';
  return withRun(device, { ...what, replay }, async (run) => {
    if (way === 'traced') await run.trace(steps);
    else await run.run(steps);
    return run.digest();
  });
}

export const bits: Section = {
  name: 'bits',
  about: 'repeated, unreplayed and traced runs must give the same bits',
  seconds: 40,
  run: async ({ device, options, precisions, left, record, skip }) => {
    const steps = 4;
    const batch = options.smoke ? 4 : 128;
    for (const precision of precisions) {
      const width = options.smoke ? 0.1 : 1;
      const what: RunCase = { model: 'inception33', width, batch, precision, replay: true, learningRate: 0.01 };
      try {
        if (left() < 3) throw new Error('no time left');
        const expected = await digestOf(device, what, 'again', steps);
        for (const way of ways) {
          const found = await digestOf(device, what, way, steps);
          const failed = found === expected ? undefined : `${precision}, ${way}: different bits after ${steps} steps`;
          record({ kind: 'bits', precision, batch, what: way, expected, found, ...(failed && { failed }) });
        }
      } catch (error) {
        const { message } = error as Error;
        if (message === 'no time left') skip(`${precision}: ${message}`);
        else record({ kind: 'bits', precision, batch, what: 'run', failed: `${precision}: ${message}` });
      }
    }
  },
  format: (rows) => {
    const cells = ofKind<BitsRow>(rows, 'bits').map((row) => [
      row.precision,
      String(row.batch),
      row.what,
      row.failed === undefined ? 'equal' : 'DIFFERENT',
    ]);
    return table(['precision', 'batch', 'compared with a replayed run', ''], cells);
  },
};
