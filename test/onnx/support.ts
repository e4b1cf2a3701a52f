/** Model files of networks with drawn weights, and onnxruntime for the tests that need it. */
import { existsSync } from 'node:fs';
import Module from 'node:module';
import { join } from 'node:path';
import { writeSafetensors } from '../../lib/files/safetensors';
import type { Model } from '../../lib/models';
import { packageRoot } from '../../lib/runtime/locate';
import { sizeOf } from '../../lib/tensor/tensor';
import type { TrainedOn } from '../../lib/train/modelFile/description';
import { fileOf } from '../../lib/train/modelFile/weights';
import type { TestRandom } from '../random';

/** Folder of the packages that `npm run setup:onnx` installs. */
export const onnxPackages = join(packageRoot(), 'scripts', 'onnx', 'node_modules');

/** Whether the tests can compute with ONNX files. CI demands it: SATURNN_INSTALL=required. */
export const hasOnnxRuntime =
  existsSync(join(onnxPackages, 'onnxruntime-node')) || process.env.SATURNN_INSTALL === 'required';

/** Lets require() find the packages of a folder in this process, as NODE_PATH does in a child. */
export function findPackages(folder: string): void {
  process.env.NODE_PATH = folder;
  (Module as unknown as { _initPaths(): void })._initPaths();
}

/** What a model file says beside the network. */
export interface Saved extends Partial<TrainedOn> {
  /** Shape of the training's images. Default: that of the network. */
  readonly imageShape?: readonly [number, number, number];
  /** Whether the mean is that of each pixel. Default: of each channel. */
  readonly isMeanImage?: boolean;
}

/**
 * Writes a model file with drawn weights and running statistics, whose signals neither vanish nor explode.
 * @param random draws them
 */
export function saveDrawn(
  path: string,
  model: Model,
  random: TestRandom,
  { imageShape = model.inputShape, isMeanImage = false, ...data }: Saved = {},
): void {
  const draw = (shape: readonly number[], one: (index: number) => number) =>
    Float32Array.from({ length: sizeOf(shape) }, (_, index) => one(index));
  const tensors = new Map(
    [...model.parameters, ...(model.buffers ?? [])].map(({ name, shape }) => {
      // The standard deviation of a weighted sum is then about that of its terms.
      const spread = shape.length > 1 ? Math.sqrt(1.5 / (sizeOf(shape) / shape[0]!)) : 0.3;
      const isFactor = /scale$|Variance$/.test(name);
      const one = () => (isFactor ? 0.5 + random.uniform() : spread * random.gaussian());
      return [name, { shape, data: draw(shape, one) }] as const;
    }),
  );
  const channels = imageShape[2];
  const deviation = draw([channels], () => 50 + 20 * random.uniform());
  const meanShape = isMeanImage ? imageShape : [channels];
  const statistics = {
    ...{ mean: draw(meanShape, () => 100 + 50 * random.uniform()), meanShape, deviation, imageShape },
    scale: deviation.map((value) => 1 / value),
  };
  writeSafetensors(path, fileOf({ model, statistics, data }, tensors));
}
