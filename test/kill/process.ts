/** A process of the command `saturnn` that a test stops, continues and kills. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../../lib/errors';
import { lockName } from '../../lib/files/lock';
import { packageRoot } from '../../lib/runtime/locate';

/** Milliseconds after which a process that has not ended hangs. Each needs a few seconds, on a busy machine a minute. */
const patience = 300_000;

/**
 * The end of a process. done: exit code 0; killed: by kill(); refused: exit code 1 and one line with a code that the caller expects; the
 * others are faults. crash: another signal or exit code; untyped: a line on stderr without a code, or with an unexpected one.
 */
export interface Ending {
  readonly kind: 'done' | 'killed' | 'refused' | 'crash' | 'hang' | 'untyped';
  /** The text on stderr, and how the process ended. */
  readonly message: string;
}

export class Process {
  readonly ended: Promise<Ending>;
  /** Resolves when the first step was done, or with `ended`. */
  readonly stepped: Promise<unknown>;
  /** Messages of all warnings so far. */
  readonly warnings: string[] = [];
  /** The end, once it is known. */
  ending: Ending | null = null;
  readonly #child: ChildProcess;
  readonly #expected: readonly ErrorCode[];
  #isKilled = false;
  #hangs = false;
  #errors = '';

  /**
   * @param args the arguments of `saturnn`
   * @param expected codes of the errors with which it may end
   */
  constructor(args: readonly string[], expected: readonly ErrorCode[] = []) {
    this.#expected = expected;
    this.#child = spawn(process.execPath, [join(packageRoot(), 'dist', 'cli', 'main.js'), ...args]);
    this.ended = this.#watchEnd();
    this.stepped = Promise.race([this.ended, this.#watchOutput()]);
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Whether the process has the lock of a folder. */
  holds(folder: string): boolean {
    try {
      return this.isAlive && JSON.parse(readFileSync(join(folder, lockName), 'utf8')).pid === this.#child.pid;
    } catch {
      return false;
    }
  }

  /** Waits for the end, but no longer than so many milliseconds. */
  async until(milliseconds: number): Promise<void> {
    const timer = new AbortController();
    await Promise.race([this.ended, sleep(milliseconds, null, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  goOn(): void {
    this.#child.kill('SIGCONT');
  }

  /** Kills the process unless it has ended, and waits for its end. SIGKILL also ends a process that is stopped. */
  async kill(): Promise<Ending> {
    if (this.isAlive) this.#isKilled = this.#child.kill('SIGKILL');
    return this.ended;
  }

  #watchOutput(): Promise<void> {
    let rest = '';
    return new Promise((resolve) => {
      this.#child.stdout?.on('data', (data) => {
        const lines = `${rest}${data}`.split('\n');
        rest = lines.pop()!;
        for (const line of lines) {
          // A step of `train --json`, or the beginning of a training in table1.
          if (/"event":"step"|^training \d/.test(line)) resolve();
          if (line.includes('"event":"warning"')) this.warnings.push(JSON.parse(line).message);
        }
      });
    });
  }

  async #watchEnd(): Promise<Ending> {
    this.#child.stderr?.on('data', (data) => {
      this.#errors += data;
    });
    const timer = setTimeout(() => {
      this.#hangs = true;
      this.#child.kill('SIGKILL');
    }, patience);
    const [code, signal] = (await once(this.#child, 'close')) as [number | null, string | null];
    clearTimeout(timer);
    const lines = this.#errors.split('\n').filter((line) => line !== '');
    const warning = 'warning: ';
    this.warnings.push(...lines.filter((line) => line.startsWith(warning)).map((line) => line.slice(warning.length)));
    const errors = lines.filter((line) => !line.startsWith(warning));
    this.ending = { kind: this.#kindOf(code, signal, errors), message: [...errors, code ?? signal].join(' / ') };
    return this.ending;
  }

  #kindOf(code: number | null, signal: string | null, errors: readonly string[]): Ending['kind'] {
    if (this.#hangs) return 'hang';
    const isExpected =
      errors.length === 1 && this.#expected.includes(/^error \[(\w+)\]: ./.exec(errors[0]!)?.[1] as ErrorCode);
    // It may be killed between its last line and its end.
    if (isExpected && (code === 1 || this.#isKilled)) return 'refused';
    if (errors.length > 0) return 'untyped';
    if (code === 0) return 'done';
    return signal === 'SIGKILL' && this.#isKilled ? 'killed' : 'crash';
  }
}
