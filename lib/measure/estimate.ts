/** Estimates what training will take: memory, computed from the plans where possible, and time, from a few measured steps. */

import { type DataMode, type ImageSource, imageBytes } from '../data/source';
import type { Device, Resident } from '../runtime/device';
import { bytesPerElement } from '../runtime/dtypes';
import { Landings } from '../runtime/landings';
import { StreamingFeed, uploadImages } from '../train/feed';
import { median } from './median';
import { PreparedStep, type PreparedStepOptions, stateFor } from './preparedStep';

/** Options of estimate(): a step, as for PreparedStep, and the data. */
export interface EstimateOptions extends Omit<PreparedStepOptions, 'inference'> {
  readonly train: ImageSource;
  /** Null: nothing is evaluated. */
  readonly test: ImageSource | null;
  readonly data: DataMode;
  /** Steps that are measured, after two warm-up steps. */
  readonly steps: number;
}

/** Memory of a training, in bytes. */
export interface MemoryEstimate {
  /**
   * Resident memory of the process without the tensors below: Node.js, libraries, generated code, the data set in JavaScript.
   */
  readonly processBytes: number;
  /** Images on the device or, if they are streamed, the buffers that they go through, on the host and on the device. */
  readonly dataBytes: number;
  /** Parameters, gradients, the optimizer's values and the model's buffers. */
  readonly stateBytes: number;
  /** Arena of a training step: activations, their gradients, scratch. */
  readonly trainingBytes: number;
  /** Arena of an evaluation step; 0 without a test set. A run has two of them at its end: the report needs more than the evaluation after an epoch. */
  readonly evaluationBytes: number;
  /** Constants of the plans and inputs of a step. */
  readonly otherBytes: number;
  /** Copies of the State that exist while a checkpoint is written. */
  readonly checkpointBytes: number;
  /** Largest resident memory of the process, in host memory: on a GPU, without what lies on the GPU. */
  readonly peakBytes: number;
  /** Largest memory on the device. On a CPU this is part of `peakBytes`. */
  readonly deviceBytes: number;
}

/** Time of a training. */
export interface TimeEstimate {
  /** Median time of a training step. */
  readonly stepMilliseconds: number;
  /** Median time of an evaluation step; null without a test set. */
  readonly evaluationMilliseconds: number | null;
  /** Measured steps of each kind. */
  readonly measuredSteps: number;
  readonly stepsPerEpoch: number;
  /** Steps of one evaluation of the test set. */
  readonly evaluationSteps: number;
  /** An epoch of training and the evaluation after it. */
  readonly epochSeconds: number;
  /** Training images per second, evaluation not counted. */
  readonly imagesPerSecond: number;
}

/** Memory and time of a training with one batch size. */
export interface Estimate {
  readonly batch: number;
  readonly memory: MemoryEstimate;
  readonly time: TimeEstimate;
}

const warmup = 2;

/** The images of both sets on the device, uploaded once for all batch sizes. */
export interface UploadedData {
  readonly train: Resident;
  readonly test: Resident | null;
}

/** Uploads the images of both sets. @throws ERR_OUT_OF_MEMORY if they do not fit on the device */
export const uploadData = async (device: Device, { train, test }: Pick<EstimateOptions, 'train' | 'test'>) => ({
  train: await uploadImages(train, device),
  test: test && (await uploadImages(test, device)),
});

/**
 * Compiles the plans that a Trainer would compile, computes their memory before anything has run, and then measures some steps.
 * @param uploaded images on the device, or null if they are streamed
 * @throws what compile throws: ERR_OUT_OF_MEMORY if the arenas do not fit
 */
export async function estimate(options: EstimateOptions, uploaded: UploadedData | null): Promise<Estimate> {
  const { device, batch, train, test } = options;
  const state = stateFor(options);
  const steps: PreparedStep[] = [];
  const streamed: Resident[] = [];
  const prepare = async (source: ImageSource, resident: Resident | null | undefined, inference: boolean) => {
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
    const evaluation = test && (await prepare(test, uploaded?.test, true));
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
  [training, evaluation]: readonly [PreparedStep, PreparedStep | null],
): MemoryEstimate {
  const { stateBytes, constantBytes, bufferBytes } = device.native.memory;
  const onHost = device.backend === 'cpu';
  // Memory that has been written to is resident already; arenas are not touched before the first step.
  const touched = onHost ? stateBytes + constantBytes + bufferBytes : 0;
  const processBytes = process.memoryUsage.rss() - touched;
  const [trainingBytes, evaluationBytes] = [training.plan.arenaBytes, evaluation?.plan.arenaBytes ?? 0];
  const inputs = [train, ...(test ? [test] : [])].map((source) => batch * (8 + (resident ? 0 : imageBytes(source))));
  const otherBytes = constantBytes + inputs.reduce((sum, bytes) => sum + bytes, 0);
  const buffers = resident ? { host: 0, device: bufferBytes } : streamBytes(train, batch, device);
  const dataBytes = buffers.host + buffers.device;
  // The State is read into native memory and copied to JavaScript, where the previous copy may not be collected yet.
  const checkpointBytes = 3 * (stateBytes - gradientBytes);
  // The evaluation for the report has a plan of its own, beside that of the evaluation after an epoch.
  const planBytes = trainingBytes + 2 * evaluationBytes;
  const deviceBytes = stateBytes + planBytes + otherBytes + buffers.device;
  return {
    ...{ processBytes, dataBytes, stateBytes, trainingBytes, evaluationBytes, otherBytes, checkpointBytes },
    peakBytes: processBytes + buffers.host + checkpointBytes + (onHost ? deviceBytes : 0),
    deviceBytes,
  };
}

/**
 * Bytes that streamed images go through. On the host: two buffers that are filled in turn, and the copy that a run takes; or one buffer
 * and two in pinned memory, from which they are uploaded ahead, to two on the device.
 */
function streamBytes(source: ImageSource, batch: number, device: Device): { host: number; device: number } {
  const landings = new Landings(device);
  const { mostSteps } = new StreamingFeed(source, batch, landings);
  const steps = Math.min(mostSteps, Math.ceil(source.count / batch));
  const bytes = steps * batch * imageBytes(source);
  return { host: 3 * bytes, device: landings.areOfUse && source.count > batch ? 2 * bytes : 0 };
}

async function estimateTime(
  { batch, train, test, steps: measuredSteps }: EstimateOptions,
  training: PreparedStep,
  evaluation: PreparedStep | null,
): Promise<TimeEstimate> {
  const measure = async (step: PreparedStep) => {
    await step.time(warmup);
    return median(await step.time(measuredSteps));
  };
  const stepMilliseconds = await measure(training);
  const evaluationMilliseconds = evaluation && (await measure(evaluation));
  const [stepsPerEpoch, evaluationSteps] = [train, test].map((source) => Math.ceil((source?.count ?? 0) / batch)) as [
    number,
    number,
  ];
  return {
    ...{ stepMilliseconds, evaluationMilliseconds, measuredSteps, stepsPerEpoch, evaluationSteps },
    epochSeconds: (stepsPerEpoch * stepMilliseconds + evaluationSteps * (evaluationMilliseconds ?? 0)) / 1000,
    imagesPerSecond: (1000 * batch) / stepMilliseconds,
  };
}
