/** Compares what onnxruntime computes with an ONNX file to what saturnn computes with the model file. */
import { imageBytes } from '../data/source';
import { reasonOf, SaturnnError } from '../errors';
import { Philox } from '../random';
import { sizeOf } from '../tensor/tensor';
import { loadPredictor } from '../train/loadPredictor';
import type { LoadedModel } from '../train/modelFile/loadModel';
import type { OnnxDType } from './builder';
import { inputName, normalizedImage, type OnnxInput, pictureShape } from './images';
import { outputNames } from './model';
import type { OnnxRuntime, RuntimeTensor } from './onnxruntime';

/** The result of a check that a file has passed. */
export interface OnnxCheck {
  /** Name and version of the program that computed with the file. */
  readonly runtime: string;
  /** Number of images, of random pixels. */
  readonly images: number;
  /** Largest difference between logits of the file and of saturnn, divided by the largest logit of saturnn if that is above 1. */
  readonly difference: number;
  /** Largest difference that is accepted. */
  readonly limit: number;
}

/** Largest accepted difference. Halves have 11 bits: every operation rounds by up to 0.0005 of a value. */
export const checkLimits: Readonly<Record<OnnxDType, number>> = { f32: 1e-4, f16: 1e-2 };

/** Numbers of images that are computed at once, by both in the same way: a network may depend on the others of a batch. */
const batches = [1, 2] as const;

/** A file, and what it was made from. */
export interface Exported {
  readonly bytes: Uint8Array;
  readonly input: OnnxInput;
  readonly dtype: OnnxDType;
  /** Path of the model file. */
  readonly path: string;
  readonly loaded: LoadedModel;
}

/**
 * Computes the logits of a few images with the file, and compares them.
 * @throws ERR_EXPORT if the file is refused, or the difference is above the limit
 */
export async function checkFile(runtime: OnnxRuntime, exported: Exported): Promise<OnnxCheck> {
  const { path, dtype, loaded } = exported;
  const size = imageBytes({ shape: pictureShape(loaded.model, loaded.statistics) });
  const drawn = batches.map((count, stream) => ({ count, pixels: drawPixels(count * size, stream) }));
  const expected = await expectedLogits(path, drawn);
  const received = await receivedLogits(runtime, exported, drawn);
  const difference = differenceOf(expected, received);
  const limit = checkLimits[dtype];
  const { common, node = common } = runtime.env.versions;
  const images = batches.reduce((sum, count) => sum + count, 0);
  if (difference <= limit) return { runtime: `onnxruntime-node ${node}`, images, difference, limit };
  const why = Number.isFinite(difference)
    ? `they differ by ${difference.toExponential(1)} of the largest, and at most ${limit} is accepted`
    : `some of ${expected.every(Number.isFinite) ? 'the file' : 'saturnn'} are not finite`;
  throw new SaturnnError('ERR_EXPORT', `onnxruntime computes other logits with the file than saturnn: ${why}`);
}

/** Images as bytes. */
interface Batch {
  readonly count: number;
  readonly pixels: Uint8Array;
}

/** Draws bytes, the same ones in every check. */
function drawPixels(length: number, stream: number): Uint8Array {
  const random = new Philox(0, stream);
  return Uint8Array.from({ length }, () => Math.floor(random.uniform() * 256));
}

/** Returns the logits of all images, as saturnn computes them. */
async function expectedLogits(path: string, drawn: readonly Batch[]): Promise<number[]> {
  using predictor = await loadPredictor(path, { device: 'cpu', batch: Math.max(...batches) });
  const logits: Float32Array[] = [];
  for (const { count, pixels } of drawn) logits.push((await predictor.predict(pixels, { count })).logits);
  return logits.flatMap((part) => Array.from(part));
}

/** Returns the logits of all images, as onnxruntime computes them. @throws ERR_EXPORT if it refuses the file */
async function receivedLogits(runtime: OnnxRuntime, exported: Exported, drawn: readonly Batch[]): Promise<number[]> {
  const refused = (error: unknown): never => {
    throw new SaturnnError('ERR_EXPORT', `onnxruntime refuses the file: ${reasonOf(error)}`, { cause: error });
  };
  const options = { executionProviders: ['cpu'], logSeverityLevel: 3 };
  const session = await runtime.InferenceSession.create(exported.bytes, options).catch(refused);
  try {
    const logits: Float32Array[] = [];
    for (const batch of drawn) {
      const outputs = await session.run({ [inputName]: inputOf(runtime, exported, batch) }).catch(refused);
      logits.push(outputs[outputNames.logits]!.data as Float32Array);
    }
    return logits.flatMap((part) => Array.from(part));
  } finally {
    await session.release();
  }
}

/** Returns images as the file takes them. */
function inputOf(
  { Tensor }: OnnxRuntime,
  { input, loaded: { model, statistics } }: Exported,
  { count, pixels }: Batch,
): RuntimeTensor {
  const dims = [count, ...input.shape];
  if (input.dtype === 'u8') return new Tensor('uint8', pixels, dims);
  const size = pixels.length / count;
  const images = Array.from({ length: count }, (_, index) =>
    normalizedImage(pixels.subarray(index * size, (index + 1) * size), model, statistics),
  );
  const floats = new Float32Array(sizeOf(dims));
  images.forEach((image, index) => {
    floats.set(image, index * image.length);
  });
  return new Tensor('float32', floats, dims);
}

/** Returns the largest difference, divided by the largest expected number if that is above 1; infinity if one is not finite. */
export function differenceOf(expected: readonly number[], received: readonly number[]): number {
  if (expected.length !== received.length) return Number.POSITIVE_INFINITY;
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const difference = expected.reduce((most, value, index) => Math.max(most, Math.abs(value - received[index]!)), 0);
  return Number.isFinite(difference) && Number.isFinite(largest) ? difference / largest : Number.POSITIVE_INFINITY;
}
