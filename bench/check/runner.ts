/** Runs a section in its own process with a limited time, and gathers the rows that it recorded. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDevice } from '../../lib/runtime/device';
import { type CheckOptions, type Row, RowFile, type Section } from './section';

export interface SectionReport {
  readonly name: string;
  /** "cut short" means that the time ran out; the recorded rows are valid. */
  readonly status: 'passed' | 'failed' | 'cut short' | 'not run';
  /** Why the section did not run, or how its process ended if not normally (with the end of its stderr). */
  readonly reason?: string;
  readonly seconds: number;
  readonly failures: readonly string[];
  /** Parts that did not run, and why. */
  readonly notRun: readonly string[];
  readonly rows: readonly Row[];
}

/** A child's instructions, in a file beside its rows. */
export interface Order {
  readonly section: string;
  readonly options: CheckOptions;
  readonly seconds: number;
  /** Path of the file for rows. */
  readonly rows: string;
  readonly before: Readonly<Record<string, readonly Row[]>>;
}

/** Time after a section's end in which it may finish the part that it is working on, before its process is killed. */
export const graceSeconds = 25;
const timeIsOver = 'its time was over';
const script = join(__dirname, '..', 'gpu-check.js');

/** A temporary folder with orders and the rows that they give. */
export class Orders {
  readonly #folder = mkdtempSync(join(tmpdir(), 'saturnn-check-'));
  #count = 0;

  /** Writes an order. @returns its file of rows, and the command that carries it out */
  prepare(order: Omit<Order, 'rows'>): { rows: RowFile; command: string; args: readonly string[] } {
    const base = join(this.#folder, String(this.#count++));
    writeFileSync(`${base}.json`, JSON.stringify({ ...order, rows: `${base}.jsonl` }));
    return { rows: new RowFile(`${base}.jsonl`), command: process.execPath, args: [script, '--order', `${base}.json`] };
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Runs one section in this process: the child's side of `runSection`. */
export async function carryOut(order: Order, sections: readonly Section[]): Promise<void> {
  const section = sections.find(({ name }) => name === order.section);
  if (!section) throw new Error(`There is no section "${order.section}".`);
  const { append } = new RowFile(order.rows);
  const end = performance.now() + 1000 * order.seconds;
  const device = openDevice(order.options.device);
  await section.run({
    device,
    options: order.options,
    precisions: order.options.precisions.filter((name) => device.precisions.includes(name)),
    left: () => (end - performance.now()) / 1000,
    record: append,
    skip: (reason) => append({ kind: 'not run', reason }),
    before: order.before,
  });
  append({ kind: 'done' });
}

/** Runs a section in a child process. Never rejects: the report tells what failed. */
export async function runSection(
  section: Section,
  options: CheckOptions,
  seconds: number,
  before: Order['before'],
): Promise<SectionReport> {
  const orders = new Orders();
  const began = performance.now();
  try {
    const { rows, command, args } = orders.prepare({ section: section.name, options, seconds, before });
    const ended = await waitFor(command, args, seconds + graceSeconds);
    const found = rows.read();
    const results = found.filter(({ kind }) => kind !== 'not run' && kind !== 'done');
    const isDone = found.some(({ kind }) => kind === 'done');
    const failures = found.flatMap(({ failed }) => (failed === undefined ? [] : [failed]));
    const isCutShort = !isDone && ended === timeIsOver;
    if (!isDone && !isCutShort) failures.push(`${section.name}: ${ended}`);
    return {
      name: section.name,
      status: failures.length > 0 ? 'failed' : isCutShort ? 'cut short' : results.length === 0 ? 'not run' : 'passed',
      ...(!isDone && { reason: ended }),
      seconds: (performance.now() - began) / 1000,
      failures,
      notRun: [...new Set(found.filter(({ kind }) => kind === 'not run').map(({ reason }) => String(reason)))],
      rows: results,
    };
  } finally {
    orders.dispose();
  }
}

/** Runs a command and kills it after `seconds`. @returns (resolves to) how it ended, in words */
function waitFor(command: string, args: readonly string[], seconds: number): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'pipe'] });
    let last = '';
    child.stderr?.on('data', (chunk) => {
      last = `${last}${chunk}`.slice(-4000);
    });
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      child.kill('SIGKILL');
    }, 1000 * seconds);
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve(error.message);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (isOver) return resolve(timeIsOver);
      const words = last.trim().split('\n').slice(-6).join('\n');
      resolve(`${signal ? `ended by ${signal}` : `exit code ${code}`}${words ? `: ${words}` : ''}`);
    });
  });
}
