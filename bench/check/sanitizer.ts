/**
 * Section "sanitizer": runs the cases of saturnn's own kernels under NVIDIA's compute-sanitizer, which finds invalid
 * accesses and races.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { table } from '../../lib/report/textTable';
import type { Precision } from '../../lib/runtime/device';
import { graceSeconds, Orders } from './runner';
import { type Context, ofKind, type Row, type Section } from './section';

interface SanitizerRow extends Row {
  readonly kind: 'sanitizer';
  readonly tool: string;
  readonly precision: string;
  readonly cases: number;
  readonly seconds: number;
  readonly said: string;
}

const tools = ['memcheck', 'racecheck'] as const;
const folders = ['/usr/local/cuda/bin', '/usr/local/cuda/compute-sanitizer', '/opt/cuda/bin'];
/** Exit status by which compute-sanitizer tells that it found an error. */
const foundExit = 99;

export const sanitizer: Section = {
  name: 'sanitizer',
  about: "the cases of saturnn's own kernels under compute-sanitizer",
  seconds: 300,
  optional: true,
  run: async (context) => {
    const path = [...(process.env.PATH ?? '').split(':'), ...folders];
    const program = path.map((folder) => join(folder, 'compute-sanitizer')).find((file) => existsSync(file));
    if (!program) {
      context.skip(`compute-sanitizer is not installed (looked in PATH, ${folders.join(', ')})`);
      return;
    }
    const runs = tools.flatMap((tool) => context.precisions.map((precision) => ({ tool, precision })));
    for (const [index, { tool, precision }] of runs.entries()) {
      const seconds = context.left() / (runs.length - index);
      if (seconds < 5) context.skip(`${tool}, ${precision}: no time left`);
      else await runUnder(context, program, { tool, precision, seconds });
    }
  },
  format: (rows) => {
    const cells = ofKind<SanitizerRow>(rows, 'sanitizer').map(({ tool, precision, cases, seconds, said }) => [
      tool,
      precision,
      String(cases),
      seconds.toFixed(0),
      said,
    ]);
    return table(['compute-sanitizer', 'precision', 'cases', 's', 'says'], cells);
  },
};

/** Runs the section "conformance" under one tool, in one precision. */
async function runUnder(
  { device, options, record }: Context,
  program: string,
  { tool, precision, seconds }: { tool: string; precision: Precision; seconds: number },
): Promise<void> {
  const orders = new Orders();
  try {
    const own = { ...options, device: device.name, precisions: [precision], ownKernels: true };
    const { rows, command, args } = orders.prepare({ section: 'conformance', options: own, seconds, before: {} });
    const began = performance.now();
    const under = ['--tool', tool, '--error-exitcode', String(foundExit), command, ...args];
    const child = spawn(program, under, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const gather = (chunk: Buffer) => {
      text += chunk;
    };
    for (const stream of [child.stdout, child.stderr]) stream.on('data', gather);
    const timer = setTimeout(() => child.kill('SIGKILL'), 1000 * (seconds + graceSeconds));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    clearTimeout(timer);
    const lines = text.split('\n').filter((line) => line.startsWith('========='));
    const cases = rows.read().filter(({ kind }) => kind === 'case').length;
    const said = lines.filter((line) => /SUMMARY/.test(line)).at(-1) ?? lines.at(-1) ?? `exit code ${code}`;
    const words = lines.slice(0, 12).join('\n') || text.slice(-2000);
    const isClean = code === 0 && cases > 0;
    const failed = isClean ? undefined : `${tool}, ${precision}, after ${cases} cases: ${words}`;
    const took = (performance.now() - began) / 1000;
    record({ kind: 'sanitizer', tool, precision, cases, seconds: took, said, ...(failed !== undefined && { failed }) });
  } finally {
    orders.dispose();
  }
}
