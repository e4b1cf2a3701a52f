/** All measurements of `saturnn bench`. The most important come first, in case the time runs out. */

import { formatActivation } from '../ops/activation';
import { type Activation, elu, leakyRelu, leakyTanh, relu, scaledSigmoid, sigmoid, tanh } from '../ops/activations';
import type { Device, Precision } from '../runtime/device';
import { precisionTable } from '../runtime/precisions';
import { type Ceilings, measureCeilings } from './ceilings';
import { environment } from './harness';
import { measureKernels } from './measureKernels';
import type { BenchReport, ConvolutionRow, KernelRow, StepRow } from './report';
import { describe, measureConvolutions, measureStep, type StepCase } from './steps';

/** Names of the parts of the benchmark. */
export const parts = ['kernels', 'convolutions', 'step'] as const;
export type Part = (typeof parts)[number];

/** Default activations of the benchmark on a GPU; on a CPU, the first. "convolutions" uses the first one only. */
export const everyActivation: readonly Activation[] = [
  ...[leakyTanh(), tanh(), scaledSigmoid(), sigmoid(), relu(), leakyRelu(), elu()],
];

/** Options of bench(). */
export interface BenchOptions {
  readonly parts: readonly Part[];
  readonly precisions: readonly Precision[];
  readonly model: string;
  readonly width: number;
  readonly batches: readonly number[];
  readonly activations: readonly Activation[];
  /** Passed to compile(). */
  readonly deterministic?: boolean;
  /** Passed to compile(). */
  readonly autotune?: boolean;
  /** Samples that count, of each measurement. */
  readonly rounds: number;
  /** Ceilings that were measured earlier in this process. Those of other precisions are measured first. */
  readonly ceilings?: BenchReport['ceilings'];
  /** Uses tiny sizes, to see that everything runs; the figures mean nothing. Default false. */
  readonly smoke?: boolean;
  /** Time, as of performance.now(), after which no further measurement is started. Default: no limit. */
  readonly until?: number;
  readonly onProgress?: (what: string) => void;
}

/** Runs the benchmark. If a measurement fails, for lack of memory for example, `failed` says so and the others go on. */
export async function bench(device: Device, options: BenchOptions): Promise<BenchReport> {
  const { smoke = false, rounds, until = Number.POSITIVE_INFINITY, onProgress = () => {} } = options;
  const ceilings: Partial<Record<Precision, Ceilings>> = { ...options.ceilings };
  const kernels: KernelRow[] = [];
  const convolutions: ConvolutionRow[] = [];
  const steps: StepRow[] = [];
  const notRun: string[] = [];
  const failed: string[] = [];

  const attempt = async (what: string, work: () => Promise<void>) => {
    if (performance.now() > until) {
      notRun.push(`${what}: no time left`);
      return;
    }
    onProgress(what);
    try {
      await work();
    } catch (error) {
      failed.push(`${what}: ${(error as Error).message}`);
    }
  };
  const { deterministic, autotune } = options;
  const measuring = { rounds, callMilliseconds: smoke ? 1 : undefined, deterministic, autotune };

  for (const precision of options.precisions.filter((name) => !(name in ceilings))) {
    await attempt(`ceilings, ${precision}`, async () => {
      ceilings[precision] = await measureCeilings(device, precision, { rounds, smoke });
    });
  }
  if (options.parts.includes('step')) {
    for (const what of casesOf(options)) {
      const ceiling = ceilings[what.precision];
      if (!ceiling) continue;
      await attempt(`step: ${describe(what)}`, async () => {
        steps.push(await measureStep(device, what, ceiling, measuring));
      });
    }
  }
  if (options.parts.includes('convolutions')) {
    const [activation] = options.activations;
    for (const what of casesOf({ ...options, activations: activation ? [activation] : [] })) {
      const ceiling = ceilings[what.precision];
      if (!ceiling) continue;
      await attempt(`convolutions: ${describe(what)}`, async () => {
        convolutions.push(...(await measureConvolutions(device, what, ceiling, measuring)));
      });
    }
  }
  if (options.parts.includes('kernels')) {
    // These kernels are the same with tf32 as with f32.
    for (const precision of options.precisions.filter((name) => !precisionTable[name].roundsProducts)) {
      await attempt(`kernels, ${precision}`, async () => {
        const measured = await measureKernels(device, { precision, smoke, rounds, until, onProgress });
        kernels.push(...measured.rows);
        notRun.push(...measured.notRun.map((name) => `kernel ${name}, ${precision}`));
      });
    }
  }
  const report = { environment: environment(), device: { name: device.name, ...device.info }, smoke };
  return { ...report, command: 'bench', ceilings, kernels, convolutions, steps, notRun, failed };
}

/** All combinations. The first activation with every batch size and precision comes first. */
function casesOf({ model, width, batches, precisions, activations }: BenchOptions): StepCase[] {
  return activations.flatMap((activation) =>
    batches.flatMap((batch) => precisions.map((precision) => ({ model, width, activation, batch, precision }))),
  );
}

/** Returns activations as the text of an option: "tanh,leakyTanh:0.25". */
export const activationNames = (activations: readonly Activation[]): string =>
  activations.map(formatActivation).join(',');
