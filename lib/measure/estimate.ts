/** What training will take: memory, exactly where it can be computed, and time, from a few steps that are measured. */

import { type DataMode, type ImageSource, imageBytes } from '../data/source';
import type { Device, Resident } from '../runtime/device';
import { bytesPerElement } from '../runtime/dtypes';
import { StreamingFeed, uploadImages } from '../train/feed';
import { median } from './median';
import { PreparedStep, type PreparedStepOptions, stateFor } from './preparedStep';

export interface EstimateOptions extends Omit<PreparedStepOptions, 'inference'> {
  readonly train: ImageSource;
  readonly test: ImageSource;
  readonly data: DataMode;
  /** Steps that are measured, after two that are not. */
  readonly steps: number;
}

export interface MemoryEstimate {
  /** Node.js, libraries, generated code and the data set in JavaScript: measured. */
  readonly processBytes: number;
  /** Images on the device; where they are streamed, the buffers that they go through. */
  readonly dataBytes: number;
  /** Parameters, what the optimizer keeps, gradients, buffers. */
  readonly stateBytes: number;
  /** Activations, their gradients and scratch of a training step; and of a step of evaluation. */
  readonly trainingBytes: number;
  readonly evaluationBytes: number;
  /** Constants, and inputs of a step. */
  readonly otherBytes: number;
  /** Copies of the State while a checkpoint is written. */
  readonly checkpointBytes: number;
  /** The most that the process will have resident; on a GPU without what lies there. */
  readonly peakBytes: number;
  /** The most that will lie on the device. On a CPU it is a part of the above. */
  readonly deviceBytes: number;
}

export interface TimeEstimate {
  /** Medians. */
  readonly stepMilliseconds: number;
  readonly evaluationMilliseconds: number;
  readonly measuredSteps: number;
  readonly stepsPerEpoch: number;
  readonly evaluationSteps: number;
  /** Training and the evaluation after it. */
  readonly epochSeconds: number;
  readonly imagesPerSecond: number;
}

export interface Estimate {
  readonly batch: number;
  readonly memory: MemoryEstimate;
  readonly time: TimeEstimate;
}

const warmup = 2;

/** The images of both sets, once for all batch sizes. */
export interface UploadedData {
  readonly train: Resident;
  readonly test: Resident;
}

export const uploadData = async (device: Device, { train, test }: Pick<EstimateOptions, 'train' | 'test'>) => ({
  train: await uploadImages(train, device),
  test: await uploadImages(test, device),
});

/**
 * Compiles what a Trainer would compile and computes its memory before anything has run; then runs some steps for the time.
 * `uploaded`: null where images are streamed.
 * @throws what compile throws: ERR_OUT_OF_MEMORY if the arenas do not even fit
 */
export async function estimate(options: EstimateOptions, uploaded: UploadedData | null): Promise<Estimate> {
  const { device, batch, train, test } = options;
  const state = stateFor(options);
  const steps: PreparedStep[] = [];
  const streamed: Resident[] = [];
  const prepare = async (source: ImageSource, resident: Resident | undefined, inference: boolean) => {
    const count = resident ? source.count : batch;
    const images = resident ?? device.upload(new Uint8Array(batch * imageBytes(source)));
    if (!resident) streamed.push(images);
    const step = await PreparedStep.prepare({ ...options, inference }, state, {
      images,
      shape: [count, ...source.shape],
    });
    steps.push(step);
    return step;
  };
  try {
    const training = await prepare(train, uploaded?.train, false);
    const evaluation = await prepare(test, uploaded?.test, true);
    const memory = estimateMemory(
      options,
      { resident: uploaded !== null, gradientBytes: bytesPerElement('f32') * state.size },
      [training, evaluation],
    );
    return { batch, memory, time: await estimateTime(options, training, evaluation) };
  } finally {
    for (const step of steps) step.dispose();
    for (const resident of streamed) resident.dispose();
    state.dispose();
  }
}

function estimateMemory(
  { device, batch, train, test }: EstimateOptions,
  { resident, gradientBytes }: { resident: boolean; gradientBytes: number },
  [training, evaluation]: readonly [PreparedStep, PreparedStep],
): MemoryEstimate {
  const { stateBytes, constantBytes, bufferBytes } = device.native.memory;
  const onHost = device.backend === 'cpu';
  // What is written to already is resident; arenas are not touched before the first step.
  const touched = onHost ? stateBytes + constantBytes + bufferBytes : 0;
  const processBytes = process.memoryUsage.rss() - touched;
  const [trainingBytes, evaluationBytes] = [training.plan.arenaBytes, evaluation.plan.arenaBytes];
  const inputs = [train, test].map((source) => batch * (8 + (resident ? 0 : imageBytes(source))));
  const otherBytes = constantBytes + inputs.reduce((sum, bytes) => sum + bytes, 0);
  const buffers = resident ? 0 : streamBytes(train, batch);
  const dataBytes = resident ? bufferBytes : buffers;
  // Read into native memory and from there into JavaScript's, where the one before it may still await the collector.
  const checkpointBytes = 3 * (stateBytes - gradientBytes);
  const deviceBytes = stateBytes + trainingBytes + evaluationBytes + otherBytes + (resident ? dataBytes : 0);
  return {
    ...{ processBytes, dataBytes, stateBytes, trainingBytes, evaluationBytes, otherBytes, checkpointBytes },
    peakBytes: processBytes + buffers + checkpointBytes + (onHost ? deviceBytes : 0),
    deviceBytes,
  };
}

/** Two buffers that are filled in turn, and the copy that a run takes. */
function streamBytes(source: ImageSource, batch: number): number {
  const { mostSteps } = new StreamingFeed(source, batch);
  const steps = Math.min(mostSteps, Math.ceil(source.count / batch));
  return 3 * steps * batch * imageBytes(source);
}

async function estimateTime(
  { batch, train, test, steps: measuredSteps }: EstimateOptions,
  training: PreparedStep,
  evaluation: PreparedStep,
): Promise<TimeEstimate> {
  const measure = async (step: PreparedStep) => {
    await step.time(warmup);
    return median(await step.time(measuredSteps));
  };
  const stepMilliseconds = await measure(training);
  const evaluationMilliseconds = await measure(evaluation);
  const [stepsPerEpoch, evaluationSteps] = [Math.ceil(train.count / batch), Math.ceil(test.count / batch)];
  return {
    ...{ stepMilliseconds, evaluationMilliseconds, measuredSteps, stepsPerEpoch, evaluationSteps },
    epochSeconds: (stepsPerEpoch * stepMilliseconds + evaluationSteps * evaluationMilliseconds) / 1000,
    imagesPerSecond: (1000 * batch) / stepMilliseconds,
  };
}
