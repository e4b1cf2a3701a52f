/** A child process that times steps on request and is idle in between. bench/compare/pytorch.py describes the protocol. */
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
  /** Advice for the error if the command cannot be started. */
  readonly remedy: string;
}

export type Facts = Readonly<Record<string, unknown>>;

/** Number of lines of stderr that an error quotes. */
const quoted = 12;
/** Units per second of the times in /proc/PID/stat: 100 on Linux. */
const clockTicks = 100;

export class TimedProcess {
  /** The process's description of itself, such as versions and number of threads, and the name of its allocator. */
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
    // Writing to a process that has ended fails; #request reports that when it reads the answer.
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

  /** Runs steps. @throws Error if the process fails or ends; it quotes the process's message or the end of its stderr */
  run(steps: number): Promise<TimedSteps> {
    return this.#request<TimedSteps>(`run ${steps}`);
  }

  /** Asks for a whole training. @throws Error as run() */
  train(order: object): Promise<{ trainLoss: number; testAccuracy: number; seconds: number }> {
    return this.#request(`train ${JSON.stringify(order)}`);
  }

  /** Largest resident memory of the process so far. */
  peakRssBytes(): number {
    const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(this.#proc('status')) ?? [];
    return Number(kilobytes) * 1024;
  }

  /** Processor time of all threads of the process so far, in user and kernel mode. */
  cpuSeconds(): number {
    // utime and stime are fields 14 and 15. Split behind field 2, the name in brackets, because it may contain spaces.
    const fields = this.#proc('stat').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / clockTicks;
  }

  /** Ends the process by closing its input, and waits for its end. */
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

  /** Name of the allocator that the process has really loaded; a failed LD_PRELOAD is only a warning. */
  #allocator(): string {
    const [library] = /libjemalloc\S*|libtcmalloc\S*|libmimalloc\S*/.exec(this.#proc('maps')) ?? [];
    return library ?? "the system's malloc";
  }

  #proc(file: string): string {
    return readFileSync(`/proc/${this.#child.pid}/${file}`, 'utf8');
  }
}
