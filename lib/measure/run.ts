/** Everything that `saturnn bench` measures, in an order in which what is cut short has measured the most telling first. */

import { formatActivation } from '../ops/activation';
import { type Activation, elu, leakyRelu, leakyTanh, relu, scaledSigmoid, sigmoid, tanh } from '../ops/activations';
import type { Device, Precision } from '../runtime/device';
import { precisionTable } from '../runtime/precisions';
import { type Ceilings, measureCeilings } from './ceilings';
import { environment } from './harness';
import { measureKernels } from './measureKernels';
import type { BenchReport, ConvolutionRow, KernelRow, StepRow } from './report';
import { describe, measureConvolutions, measureStep, type StepCase } from './steps';

export const parts = ['kernels', 'convolutions', 'step'] as const;
export type Part = (typeof parts)[number];

/** What is measured in one activation only is measured in the first. */
export const everyActivation: readonly Activation[] = [
  ...[leakyTanh(), tanh(), scaledSigmoid(), sigmoid(), relu(), leakyRelu(), elu()],
];

export interface BenchOptions {
  readonly parts: readonly Part[];
  readonly precisions: readonly Precision[];
  readonly model: string;
  readonly width: number;
  readonly batches: readonly number[];
  readonly activations: readonly Activation[];
  /** As compile's. */
  readonly deterministic?: boolean;
  readonly autotune?: boolean;
  /** Measurements that count, of each. */
  readonly rounds: number;
  /** Ceilings that were measured before in this process; default: they are measured first. */
  readonly ceilings?: BenchReport['ceilings'];
  /** Tiny sizes: no figure means anything, but every path runs. */
  readonly smoke?: boolean;
  /** A time of performance.now() after which nothing more is begun. */
  readonly until?: number;
  readonly onProgress?: (what: string) => void;
}

/** A failure of one measurement, lack of memory for one, is reported, and the others go on. */
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
    // With tf32 they are what they are with f32.
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

/** The first activation in every batch and precision comes first. */
function casesOf({ model, width, batches, precisions, activations }: BenchOptions): StepCase[] {
  return activations.flatMap((activation) =>
    batches.flatMap((batch) => precisions.map((precision) => ({ model, width, activation, batch, precision }))),
  );
}

export const activationNames = (activations: readonly Activation[]): string =>
  activations.map(formatActivation).join(',');
