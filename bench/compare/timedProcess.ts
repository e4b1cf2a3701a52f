/** A process that times steps on request and is idle in between. bench/compare/pytorch.py has the protocol. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { TimedSteps } from '../step';
import type { SetUp } from './setup';

export interface ProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** What to do if the command itself is not there. */
  readonly remedy: string;
}

export type Facts = Readonly<Record<string, unknown>>;

/** Lines of stderr that an error quotes. */
const quoted = 12;
const clockTicks = 100;

export class TimedProcess {
  /** What the process says of itself. */
  facts: Facts = {};
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #errors: string[] = [];
  readonly #failed: Promise<never>;

  private constructor({ name, command, args, env, remedy }: ProcessOptions) {
    this.#name = name;
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
    const { stdin, stdout, stderr } = this.#child;
    if (!stdin || !stdout || !stderr) throw new Error(`${name} has no pipes`);
    this.#failed = new Promise((_, reject) => {
      this.#child.once('error', (error) =>
        reject(new Error(`${name} does not start: ${error.message}. Remedy: ${remedy}.`)),
      );
    });
    this.#failed.catch(() => {});
    // A process that has ended is noticed where its answer is read.
    stdin.on('error', () => {});
    createInterface({ input: stderr }).on('line', (line) => {
      this.#errors.push(line);
      if (this.#errors.length > quoted) this.#errors.shift();
    });
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** Resolves when the process is ready for its first step. */
  static async start(options: ProcessOptions, setup: SetUp): Promise<TimedProcess> {
    const started = new TimedProcess(options);
    try {
      const { ready } = await started.#request<{ ready: Facts }>(JSON.stringify(setup));
      started.facts = { ...ready, allocator: started.#allocator() };
      return started;
    } catch (error) {
      started.kill();
      throw error;
    }
  }

  run(steps: number): Promise<TimedSteps> {
    return this.#request<TimedSteps>(`run ${steps}`);
  }

  /** Most memory that the process has had resident so far. */
  peakRssBytes(): number {
    const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(this.#proc('status')) ?? [];
    return Number(kilobytes) * 1024;
  }

  /** Of all its threads. */
  cpuSeconds(): number {
    // Behind the name, which is in brackets and may hold anything; utime and stime are fields 14 and 15 of the whole.
    const fields = this.#proc('stat').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / clockTicks;
  }

  /** The process ends when its input does. */
  async finish(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin?.end();
    await ended;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #request<Reply>(line: string): Promise<Reply> {
    this.#child.stdin?.write(`${line}\n`);
    const { value, done } = await Promise.race([this.#lines.next(), this.#failed]);
    if (done) throw new Error(`${this.#name} has ended: ${this.#errors.join('\n') || 'it gave no reason'}`);
    const reply = JSON.parse(value) as Reply & { error?: string };
    if (reply.error !== undefined) throw new Error(`${this.#name}: ${reply.error}`);
    return reply;
  }

  /** What malloc is: as it is loaded, not as it was asked for. */
  #allocator(): string {
    const [library] = /libjemalloc\S*|libtcmalloc\S*|libmimalloc\S*/.exec(this.#proc('maps')) ?? [];
    return library ?? "the system's malloc";
  }

  #proc(file: string): string {
    return readFileSync(`/proc/${this.#child.pid}/${file}`, 'utf8');
  }
}
