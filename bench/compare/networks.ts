/**
 * `npm run bench -- compare networks`: times one training step of ResNet-18 and MobileNetV2, for CIFAR-100's images of 32x32 and in f32, in
 * saturnn and with torchvision's networks in PyTorch: as PyTorch does by itself, and with the channels last, as saturnn does. Each is a
 * process of its own; they take turns. Weights and batch are the same, and dropout is off, so the first losses must agree.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { compare, environment, type Measurement, median } from '../../lib/measure/harness';
import { defaultsOf } from '../../lib/models/defaults';
import { openDevice } from '../../lib/runtime/device';
import type { ComparedStep } from '../step';
import { ownProcess, pytorchProcess, settleMilliseconds } from './pytorch';
import { inTorchvision, writeSetUp } from './setup';
import { type Facts, type ProcessOptions, TimedProcess } from './timedProcess';

/** Options of the comparison. */
export interface CompareNetworksOptions {
  /** Images per step. */
  readonly batch: number;
  /** Turns of each side that are reported. */
  readonly rounds: number;
  /** Steps per turn. */
  readonly steps: number;
  /** Turns of each side before these, which are not reported. */
  readonly warmup: number;
  /** Threads of each side; default: one per physical core. */
  readonly threads?: number;
}

/** One of the programs that compute the step of a network. */
export interface NetworkSide {
  /** Duration of a step, median over rounds. */
  readonly milliseconds: number;
  readonly imagesPerSecond: number;
  /** This side's time divided by saturnn's, median over rounds: above 1, saturnn is faster. */
  readonly ratio: number;
  readonly peakRssBytes: number;
  /** Relative difference of the loss of the first step to saturnn's. */
  readonly lossDifference: number;
  readonly facts: Facts;
  /** Milliseconds per step, by round. */
  readonly samples: readonly number[];
}

/** The sides of each network, by the names of networks and sides. */
export type NetworksReport = Readonly<Record<string, Readonly<Record<string, NetworkSide>>>>;

/** Largest difference of the first losses of networks that are the same. */
const mostDifference = 1e-4;

/** Name of saturnn's side. */
const own = 'saturnn';

/** The sides by name: their programs, and whether PyTorch keeps the channels last. PyTorch comes first, because it may be missing. */
const sidesOf = (threads: number): Readonly<Record<string, readonly [ProcessOptions, boolean]>> => ({
  PyTorch: [pytorchProcess(threads), false],
  'PyTorch, channels_last': [pytorchProcess(threads), true],
  [own]: [ownProcess, true],
});

/** Returns the step of a network that is compared. */
const stepOf = (model: string, batch: number): ComparedStep => ({
  ...{ model, batch, width: 1, activation: defaultsOf(model).activation, precision: 'f32' },
  ...{ size: 32, classes: 100, dropout: 0 },
});

/** Times the step of one network. @throws Error if PyTorch is missing, a side fails, or the first losses differ */
async function compareNetwork(model: string, options: CompareNetworksOptions, threads: number) {
  const { batch, steps } = options;
  const { setup, remove } = writeSetUp(stepOf(model, batch), { threads, compile: false });
  const running = new Map<string, TimedProcess>();
  const first = new Map<string, number>();
  try {
    // One after the other, because preparing uses all cores and much memory.
    for (const [name, [process, channelsLast]] of Object.entries(sidesOf(threads)))
      running.set(name, await TimedProcess.start(process, { ...setup, channelsLast }));
    const measured = await compare(
      [...running].map(([name, process]) => ({
        name,
        run: async () => {
          await sleep(settleMilliseconds);
          const { milliseconds, losses } = await process.run(steps);
          if (!first.has(name)) first.set(name, losses[0]!);
          return median(milliseconds);
        },
      })),
      options,
    );
    const baseline = measured.find(({ name }) => name === own)!;
    const reports = measured.map((measurement): [string, NetworkSide] => {
      const { name } = measurement;
      const losses = [first.get(own)!, first.get(name)!] as const;
      return [name, reportOf(running.get(name)!, measurement, { baseline, batch, losses })];
    });
    for (const process of running.values()) await process.finish();
    return Object.fromEntries(reports);
  } finally {
    for (const process of running.values()) process.kill();
    remove();
  }
}

function reportOf(
  process: TimedProcess,
  { name, median: milliseconds, samples }: Measurement,
  { baseline, batch, losses }: { baseline: Measurement; batch: number; losses: readonly [own: number, its: number] },
): NetworkSide {
  const [ours, theirs] = losses;
  const lossDifference = Math.abs(theirs / ours - 1);
  if (!(lossDifference <= mostDifference))
    throw new Error(`${name} does not compute the same: its first loss is ${theirs}, and saturnn's is ${ours}.`);
  return {
    milliseconds,
    imagesPerSecond: (1000 * batch) / milliseconds,
    ratio: median(samples.map((sample, round) => sample / baseline.samples[round]!)),
    peakRssBytes: process.peakRssBytes(),
    lossDifference,
    facts: process.facts,
    samples,
  };
}

/** Times the step of each network that torchvision has. @throws Error as for one network */
export async function compareNetworks(
  options: CompareNetworksOptions,
): Promise<{ readonly networks: NetworksReport } & Record<string, unknown>> {
  const threads = options.threads ?? (openDevice('cpu').info.threads as number);
  const networks: Record<string, Awaited<ReturnType<typeof compareNetwork>>> = {};
  for (const model of inTorchvision) networks[model] = await compareNetwork(model, options, threads);
  return { environment: environment(), command: 'compare networks', options: { ...options, threads }, networks };
}
