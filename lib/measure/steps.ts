/** Measures whole training steps and their convolutions: the graph of a Trainer, on random images that stay on the device. */

import { createModel } from '../models';
import { formatActivation } from '../ops/activation';
import type { Activation } from '../ops/activations';
import { Sgd } from '../optim/sgd';
import type { Device, Precision } from '../runtime/device';
import type { Ceilings } from './ceilings';
import { floorsOf } from './floors';
import { median } from './median';
import { drawImages, PreparedStep, stateFor } from './preparedStep';
import type { ConvolutionRow, StepRow } from './report';
import { type KernelTime, shapeOf, traceStep } from './stepTrace';

/** A step to measure. */
export interface StepCase {
  readonly model: string;
  readonly width: number;
  readonly activation: Activation;
  readonly batch: number;
  readonly precision: Precision;
}

/** Options of measureStep() and measureConvolutions(). */
export interface StepMeasuring {
  /** Calls that count; each runs about as many steps as take `callMilliseconds`. Default 5. */
  readonly rounds?: number;
  /** Duration of a call, so long that the overhead of a call does not matter. Default 400. */
  readonly callMilliseconds?: number;
  /** Passed to compile(). */
  readonly deterministic?: boolean;
  /** Passed to compile(); default true. */
  readonly autotune?: boolean;
}

const recipe = { momentum: 0.9, weightDecay: 1e-4 };
const mostSteps = 200;

/** Compiles a step, calls `use` with it, and releases it and its data on the device afterwards. */
async function withStep<T>(
  device: Device,
  what: StepCase,
  { deterministic, autotune }: StepMeasuring,
  use: (step: PreparedStep, compileMilliseconds: number) => Promise<T>,
): Promise<T> {
  const { model: name, width, activation, batch, precision } = what;
  const model = createModel(name, { width, activation });
  const optimizer = new Sgd(recipe);
  const options = { model, device, batch, precision, deterministic, autotune, optimizer };
  const { shape, images } = drawImages(model, batch);
  using resident = device.upload(images);
  using state = stateFor(options);
  const began = performance.now();
  const step = await PreparedStep.prepare(options, state, { images: resident, shape });
  try {
    return await use(step, performance.now() - began);
  } finally {
    step.dispose();
  }
}

/**
 * Measures a training step.
 * @throws an Error if the loss overflows, because the time means nothing then; what compile throws
 */
export function measureStep(
  device: Device,
  what: StepCase,
  ceilings: Ceilings,
  options: StepMeasuring = {},
): Promise<StepRow> {
  const { rounds = 5, callMilliseconds = 400, autotune = true } = options;
  return withStep(device, what, options, async (step, compileMilliseconds) => {
    const call = async (steps: number) => {
      const start = performance.now();
      const { finite, outputs } = await step.run(steps);
      if (!finite) throw new Error(`The loss of ${describe(what)} is ${outputs.loss?.at(-1)}`);
      return (performance.now() - start) / steps;
    };
    // The first call may capture a CUDA graph, tune kernels and touch memory for the first time.
    await call(2);
    const steps = Math.max(1, Math.min(mostSteps, Math.round(callMilliseconds / (await call(2)))));
    const samples: number[] = [];
    for (let round = 0; round < rounds; round++) samples.push(await call(steps));
    const milliseconds = median(samples);
    const floors = floorsOf(step.plan.kernels, ceilings);
    const flops = step.plan.kernels.reduce((sum, kernel) => sum + kernel.flops, 0);
    return {
      ...described(what),
      autotune,
      steps,
      milliseconds,
      samples,
      imagesPerSecond: (1000 * what.batch) / milliseconds,
      gigaflopsPerSecond: flops / milliseconds / 1e6,
      floors,
      ofRoofline: floors.roofline / milliseconds,
      kernels: step.plan.kernels.length,
      arenaBytes: step.plan.arenaBytes,
      compileMilliseconds,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    };
  });
}

/**
 * Measures every kernel that multiplies, within a whole step: forward, dgrad and wgrad of each convolution and linear layer.
 */
export function measureConvolutions(
  device: Device,
  what: StepCase,
  ceilings: Ceilings,
  options: StepMeasuring = {},
): Promise<ConvolutionRow[]> {
  const { rounds = 5 } = options;
  return withStep(device, what, options, async (step) => {
    const { kernels } = await traceStep(step, { steps: rounds, warmup: 2 });
    return kernels.filter(({ flops }) => flops > 0).map((kernel) => rowOf(kernel, what, ceilings));
  });
}

function rowOf(kernel: KernelTime, what: StepCase, ceilings: Ceilings): ConvolutionRow {
  const { name, op, flops, bytes, milliseconds, implementation } = kernel;
  const gigaflopsPerSecond = flops / milliseconds / 1e6;
  const floor = Math.max(flops / ceilings.gigaflopsPerSecond, bytes / ceilings.gigabytesPerSecond) / 1e6;
  return {
    ...described(what),
    layer: name,
    op,
    shape: shapeOf(kernel),
    milliseconds,
    gigaflopsPerSecond,
    ofProduct: gigaflopsPerSecond / ceilings.gigaflopsPerSecond,
    ofRoofline: floor / milliseconds,
    implementation,
  };
}

const described = ({ activation, ...what }: StepCase) => ({ ...what, activation: formatActivation(activation) });

/** Returns a case in words: "inception33 x0.25, tanh, f32, batch 128". */
export const describe = ({ model, width, activation, batch, precision }: StepCase): string =>
  `${model}${width === 1 ? '' : ` x${width}`}, ${formatActivation(activation)}, ${precision}, batch ${batch}`;
