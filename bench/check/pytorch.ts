/**
 * Section "pytorch": times the same training step in PyTorch on the same GPU, in the ways of
 * bench/compare/pytorch_gpu.py, and compares it with saturnn's step.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { StepRow } from '../../lib/measure/report';
import { leakyTanh } from '../../lib/ops/activations';
import { table } from '../../lib/report/textTable';
import { packageRoot } from '../../lib/runtime/locate';
import { writeSetUp } from '../compare/setup';
import { type Context, ofKind, type Row, type Section } from './section';
import { batchesOf } from './speed';

interface TorchRow extends Row {
  readonly kind: 'pytorch';
  readonly way: string;
  readonly precision: string;
  readonly batch: number;
  readonly milliseconds?: number;
  readonly error?: string;
  readonly seconds: number;
  /**
   * PyTorch's time divided by that of saturnn's fastest step in the section "step" of the same check; above 1 saturnn is
   * faster.
   */
  readonly ratio?: number;
}

/** Lists the ways to measure, cheap ones first: torch.compile takes minutes to tune a step. */
export function waysOf(batches: readonly number[]): [way: string, precision: string, batch: number][] {
  const each = (way: string, precisions: readonly string[]) =>
    precisions.flatMap((precision) => batches.map((batch): [string, string, number] => [way, precision, batch]));
  return [
    ...each('eager', ['bf16', 'tf32']),
    ...each('graph', ['bf16']),
    ...each('compile', ['bf16']),
    ...each('graph', ['tf32']),
    ...each('compile', ['tf32']),
  ];
}

export const pytorch: Section = {
  name: 'pytorch',
  about: 'the same step in PyTorch',
  seconds: 100,
  run: async (context) => {
    const [least = 2] = batchesOf(context);
    const step = {
      model: 'inception33',
      width: context.options.smoke ? 0.1 : 1,
      batch: least,
      activation: leakyTanh(),
    };
    const { setup, remove } = writeSetUp({ ...step, precision: 'f32' }, { threads: 1, compile: true });
    try {
      const ways = waysOf(batchesOf(context));
      await talk(context, { ...setup, ways, rounds: context.options.smoke ? 1 : 7 }, ways.length);
    } finally {
      remove();
    }
  },
  format: (rows) => {
    const header = ['PyTorch', 'precision', 'batch', 'ms', 'ratio to saturnn', 'took s', ''];
    const cells = ofKind<TorchRow>(rows, 'pytorch').map((row) => [
      row.way,
      row.precision,
      String(row.batch),
      row.milliseconds?.toFixed(2) ?? '-',
      row.ratio?.toFixed(2) ?? '-',
      row.seconds.toFixed(0),
      row.error ?? '',
    ]);
    return `${JSON.stringify(rows.find(({ kind }) => kind === 'versions') ?? {})}\n${table(header, cells)}`;
  },
};

/** Runs the script and records its lines as they come. Kills it when the section's time is over. */
async function talk(context: Context, setup: object, expected: number): Promise<void> {
  const script = join(packageRoot(), 'bench', 'compare', 'pytorch_gpu.py');
  if (!existsSync(script)) throw new Error(`${script} is missing`);
  const child = spawn(process.env.SATURNN_PYTHON ?? 'python3', [script], { stdio: ['pipe', 'pipe', 'pipe'] });
  const errors: string[] = [];
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => {});
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.stdin.on('error', () => {});
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  let answered = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (recordLine(context, line)) answered++;
    else errors.push(line);
  });
  child.stdin.end(`${JSON.stringify(setup)}\n`);
  const timer = setTimeout(() => child.kill('SIGKILL'), 1000 * Math.max(1, context.left() - 1));
  try {
    await Promise.race([closed, failed]);
  } finally {
    clearTimeout(timer);
  }
  if (answered === 0) throw new Error(`The script of PyTorch gave no answer: ${errors.slice(-5).join(' ')}`);
  // One answer more than there are ways, because the first gives the versions.
  if (answered > 1 && answered <= expected) context.skip(`${expected + 1 - answered} ways of PyTorch: no time left`);
}

/** Records one line of output. @returns false if it is not an answer, e.g. a message of a compiler */
function recordLine({ record, skip, before }: Context, line: string): boolean {
  if (!line.startsWith('{')) return false;
  const answer = JSON.parse(line) as Record<string, unknown>;
  if (typeof answer.absent === 'string') skip(answer.absent);
  else if (answer.way === undefined) record({ kind: 'versions', ...answer });
  else record({ kind: 'pytorch', ...answer, ...ratioOf(answer, before.step ?? []) });
  return true;
}

function ratioOf({ milliseconds, precision, batch }: Record<string, unknown>, ours: readonly Row[]) {
  const steps = ours.flatMap(({ report }) => (report as { steps: readonly StepRow[] }).steps);
  const same = (row: StepRow) =>
    row.precision === precision && row.batch === batch && /^leakyTanh/.test(row.activation);
  const [own] = steps.filter(same).sort((a, b) => a.milliseconds - b.milliseconds);
  return own && typeof milliseconds === 'number' ? { ratio: milliseconds / own.milliseconds } : {};
}
