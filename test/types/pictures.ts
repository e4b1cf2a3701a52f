/** Checks the package's types for pictures, files of data, augmentation and evaluation, where modules are resolved in any way. */
import {
  type Augmentation,
  augmentations,
  type ClassScores,
  Dataset,
  decodePicture,
  type EvaluateEvery,
  type Evaluation,
  evaluatePredictions,
  type FilePrediction,
  type ImageFolder,
  type ImageSource,
  idx,
  imageFolder,
  inception33,
  type ListedPicture,
  loadPredictor,
  npy,
  parquet,
  type Split,
  Trainer,
  webDataset,
} from 'saturnn';
import { sweep, table1 } from 'saturnn/experiments';

export async function open(path: string): Promise<readonly ImageSource[]> {
  const { signal } = new AbortController();
  const folder: ImageFolder = await imageFolder(path, {
    size: [48, 64],
    fit: 'pad',
    channels: 1,
    testShare: 0.1,
    signal,
  });
  const files = await parquet(path, { image: 'image', label: 'label', onBroken: 'skip', mode: 'streaming' });
  const shards = await webDataset(path, { size: 64, onProgress: ({ done, total }) => console.log(done / total) });
  const arrays = await npy(path, { range: '0..1', layout: 'NCHW', classNames: ['a', 'b'] });
  const digits = await idx(path, { prefix: 'emnist-', transpose: true });
  const listed: readonly ListedPicture[] = folder.list();
  const names: readonly string[] | null = folder.classNames;
  for (const { name, split } of listed) if (split === 'validation') console.log(name, names?.length);
  // @ts-expect-error: no such way to fit
  await imageFolder(path, { fit: 'squeeze' });
  // @ts-expect-error: the test set may be missing
  arrays.test.count;
  return [folder.train, files.train, shards.train, arrays.train, digits.train];
}

export async function pixels(bytes: Uint8Array): Promise<Dataset> {
  const own: Uint8Array = await decodePicture(bytes, { size: 8, background: [0, 0, 0] });
  const dataset = Dataset.from({ images: [own, own], labels: ['cat', 'dog'], shape: [8, 8, 3] });
  const { train, test } = dataset.split(0.5, { seed: 1, stratified: false });
  const joined = train.concat(test).map(({ pixels, label }) => (label === 0 ? pixels : own), { shape: [8, 8, 3] });
  for (const { name } of joined.take(1)) console.log(name);
  return joined;
}

const { crop, mirror, mixup, parse } = augmentations;
const augmentation: readonly Augmentation[] = [crop({ padding: 4 }), mirror(), mixup({ alpha: 0.2 })];
const evaluateEvery: EvaluateEvery = { steps: 500 };
// @ts-expect-error: no such number
crop({ pad: 4 });

export async function train(source: ImageSource): Promise<Evaluation> {
  const model = inception33({ size: [48, 64], channels: 1 });
  const trainer = new Trainer({ model, train: source, augmentation, evaluateEvery, classWeights: 'balanced' });
  for await (const event of trainer.fit({ steps: 3 })) {
    if (event.event === 'epoch' && event.evaluated === 'validation') console.log(event.testAccuracy);
  }
  const split: Split = 'train';
  const evaluation: Evaluation = await trainer.evaluate(split, { mistakes: 3, bins: 10 });
  const scores: readonly ClassScores[] = evaluation.perClass;
  console.log(scores.length, evaluation.confusion.length);
  return evaluatePredictions({ probabilities: new Float32Array([0.5, 0.5]), labels: [1] });
}

export async function predict(source: ImageSource): Promise<readonly FilePrediction[]> {
  const predictor = await loadPredictor('model.safetensors', { device: 'cpu' });
  const evaluation: Evaluation = await predictor.evaluate(source, { mistakes: 0 });
  console.log(evaluation.accuracy);
  return predictor.predictFiles(['cat.jpg', 'photos'], { top: 3, resize: false, onBroken: 'skip' });
}

export const compared = [
  table1({ preset: 'cpu', data: 'photos', augmentation: 'none', size: 64, pictures: { fit: 'stretch' } }),
  sweep({ preset: 'smoke', validation: { share: 0.1 }, statistics: { per: 'channel' }, dataMode: 'streaming' }),
];
export const parsed: readonly Augmentation[] = parse('crop:4,mirror');
