/**
 * Kills `saturnn train` or `saturnn table1` at random moments and in various ways, starts it again each time until it ends, and compares its
 * folder with that of a command that was not killed.
 */
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ErrorCode } from '../../lib/errors';
import { Philox } from '../../lib/random';
import { compareFolders, type Difference } from './compare';
import { type Ending, Process } from './process';
import { filesOf, type Scene, type Variant, variants } from './variants';

export type Command = 'train' | 'table1';

const tiny = '--device cpu --width 0.1';

/** Arguments of commands that take a second or two, with many checkpoints. */
export const smallArguments: Readonly<Record<Command, string>> = {
  train: `${tiny} --batch 16 --limit 96 --epochs 2 --schedule cosine --checkpoint-steps 2`,
  table1: `${tiny} --batch 8 --limit 16 --test-limit 8 --epochs 2 --preset smoke --activations relu,tanh --lr 0.05 --checkpoint-minutes 0.0001`,
};

export interface KillOptions {
  command: Command;
  /** Arguments of the command, without --out. It must write a checkpoint every few steps. */
  args: readonly string[];
  /** An empty folder for the results. */
  folder: string;
  /** Least number of processes to kill. */
  kills: number;
  /** Seed of the variants and the moments. */
  seed: number;
  /** Called with a line of text for every variant and every round. */
  log?: (line: string) => void;
}

/** A fault: how a process ended, what differs at the end, or two processes that worked in one folder. */
export interface Fault {
  readonly kind: Exclude<Ending['kind'], 'done' | 'killed' | 'refused'> | Difference['kind'] | 'lock' | 'message';
  readonly text: string;
}

export interface KillReport {
  readonly kills: number;
  /** Number of times that each variant was tried. */
  readonly variants: Readonly<Record<Variant, number>>;
  /** Number of kills that left a temporary file: incomplete, or complete but not renamed yet. */
  readonly duringWrite: number;
  /** Number of kills before the first checkpoint, after which the command started from its beginning. */
  readonly beforeCheckpoint: number;
  /** Number of processes that were refused, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Number of warnings; only a file that was cut, or copied while it was written, brings one. */
  readonly warnings: number;
  /** Number of folders in which the command was killed and continued until its end. */
  readonly rounds: number;
  /** Duration of the command that was not killed. */
  readonly seconds: number;
  readonly faults: readonly Fault[];
}

/** The arguments of a command that works in a folder, and continues what is there. */
const argumentsOf = ({ command, args }: KillOptions, out: string): string[] =>
  command === 'train'
    ? [command, ...args, '--json', '--resume', 'auto', '--out', out]
    : [command, ...args, '--out', out];

const names = Object.keys(variants) as Variant[];

export async function killAndResume(options: KillOptions): Promise<KillReport> {
  const { folder, kills, seed, log = () => {} } = options;
  const random = new Philox(seed, 0);
  const whole = join(folder, 'whole');
  const seconds = await runWhole(options, whole);
  const pace = { seconds };
  const tally = new Tally();
  const faults: Fault[] = [];
  for (; tally.count.kills < kills; tally.count.rounds++) {
    const round = new Round(options, join(folder, `killed-${tally.count.rounds}`), random, pace);
    while (!round.isDone) {
      const variant = tally.count.kills < kills ? names[Math.floor(names.length * random.uniform())]! : null;
      const endings = await round.play(variant);
      log(tally.add(variant, endings, round.scene.out));
      // Other work on the machine changes the command's duration: this makes about two of three variants kill in time.
      pace.seconds *= endings.some(({ kind }) => kind === 'killed') ? 1.1 : 0.8;
    }
    const found = round.faultsBeside(whole);
    faults.push(...found);
    tally.count.warnings += round.warnings.length;
    log(`round ${tally.count.rounds + 1}: ${found.map(({ text }) => text).join('; ') || 'equal'}`);
    if (found.length === 0) rmSync(round.scene.out, { recursive: true });
  }
  return { ...tally.count, variants: tally.variants, refused: tally.refused, seconds, faults };
}

/** Runs the command without disturbing it. @returns its duration in seconds */
async function runWhole(options: KillOptions, out: string): Promise<number> {
  const started = performance.now();
  const { kind, message } = await new Process(argumentsOf(options, out)).ended;
  if (kind !== 'done') throw new Error(`saturnn ${options.command} ended: ${message}`);
  return (performance.now() - started) / 1000;
}

/** The numbers of a report. */
class Tally {
  readonly count = { kills: 0, duringWrite: 0, beforeCheckpoint: 0, warnings: 0, rounds: 0 };
  readonly variants = Object.fromEntries(names.map((name) => [name, 0])) as Record<Variant, number>;
  readonly refused: Record<string, number> = {};

  /** Counts the ends of the processes of a variant, and what they have left in the folder. @returns a line about them */
  add(variant: Variant | null, endings: readonly Ending[], out: string): string {
    if (variant) this.variants[variant]++;
    const kinds = endings.map(({ kind }) => kind);
    for (const { kind, message } of endings) {
      const code = /\[(\w+)\]/.exec(message)?.[1];
      if (kind === 'refused' && code) this.refused[code] = (this.refused[code] ?? 0) + 1;
    }
    const left = filesOf(out).map((path) => basename(path));
    const half = left.some((name) => name.endsWith('.tmp'));
    const begun = left.some((name) => /^last\.checkpoint|^result\.json|\.safetensors$/.test(name));
    const killed = kinds.filter((kind) => kind === 'killed').length;
    this.count.kills += killed;
    if (killed > 0 && half) this.count.duringWrite++;
    if (killed > 0 && !begun) this.count.beforeCheckpoint++;
    const ends = `${kinds.join(', ')}${half ? ', while a file was written' : ''}`;
    return `${this.count.kills} kills, ${variant ?? 'to the end'}: ${ends}`;
  }
}

/** One folder, in which the command is killed and continued until its end. */
class Round {
  readonly scene: Scene;
  readonly warnings: string[] = [];
  isDone = false;
  #processes: Process[] = [];
  /** Whether a file was cut, or copied while it was written: a warning says then what was lost. */
  #mayWarn = false;
  readonly #faults: Fault[] = [];

  /** @param pace estimate of the command's present duration */
  constructor(options: KillOptions, out: string, random: Philox, pace: { readonly seconds: number }) {
    const uniform = () => random.uniform();
    const scene: Scene = {
      out,
      start: (expected: readonly ErrorCode[] = []) => {
        const process = new Process(argumentsOf(options, scene.out), expected);
        this.#processes.push(process);
        return process;
      },
      uniform,
      // This factor gives a few kills per round, some of them before the first step.
      moment: () => 800 * pace.seconds * uniform(),
      fault: (text) => this.#faults.push({ kind: 'lock', text }),
    };
    this.scene = scene;
  }

  /** Disturbs the command in one way, or lets it run to its end. @returns the ends of its processes */
  async play(variant: Variant | null): Promise<Ending[]> {
    this.#processes = [];
    if (variant) await variants[variant](this.scene);
    else await this.scene.start().ended;
    this.#mayWarn ||= variant === 'cut' || variant === 'copy';
    const endings = await Promise.all(this.#processes.map(({ ended }) => ended));
    for (const { kind, message } of endings) {
      if (kind === 'crash' || kind === 'hang' || kind === 'untyped')
        this.#faults.push({ kind, text: `${variant}: ${message}` });
    }
    for (const { warnings } of this.#processes) this.warnings.push(...warnings);
    // A process that ends a run a second time, and is killed, may leave a temporary file.
    const isWhole = endings.every(({ kind }) => kind === 'done' || kind === 'refused');
    this.isDone = (isWhole && endings.some(({ kind }) => kind === 'done')) || this.#faults.length > 0;
    return endings;
  }

  faultsBeside(whole: string): Fault[] {
    const excess = this.#mayWarn
      ? []
      : this.warnings.map((text) => ({ kind: 'message', text: `unexpected warning: ${text}` }) as const);
    const isComplete = this.#faults.length === 0;
    return [...this.#faults, ...excess, ...(isComplete ? compareFolders(whole, this.scene.out, this.warnings) : [])];
  }
}
