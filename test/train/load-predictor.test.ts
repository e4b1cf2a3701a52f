import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { type NamedTensor, type SafetensorsFile, writeSafetensors } from '../../lib/files/safetensors';
import { createModel } from '../../lib/models';
import { State } from '../../lib/tensor/state';
import { loadPredictor } from '../../lib/train/loadPredictor';
import { collectWeights } from '../../lib/train/modelFile/weights';
import { Trainer } from '../../lib/train/trainer';
import { temporaryFolder } from '../temporary';
import { cpu, smallData } from './support';

const path = join(temporaryFolder(), 'model.safetensors');
const options = { shape: [32, 32, 3] as const, batch: 16, device: cpu() };
const { train, test: images } = smallData(20, 17);
let file: SafetensorsFile;
let logits: Float32Array;

beforeAll(async () => {
  const model = createModel('inception33', { width: 0.1, normalization: 'batch' });
  using trainer = new Trainer({ model, train, test: images, device: cpu(), batch: 16 });
  for await (const _ of trainer.fit({ steps: 2 }));
  file = await collectWeights({ model, statistics: await trainer.statistics() }, trainer.state);
  logits = (await trainer.predict(images)).logits;
});

test('a predictor loaded from a file gives the same bits as the trainer', async () => {
  writeSafetensors(path, file);
  using predictor = await loadPredictor(path, options);
  expect((await predictor.predict(images)).logits).toEqual(logits);
});

/** Returns metadata as earlier versions wrote them: without a graph and a card. */
function ofEarlierVersion({ graph: _, card: __, ...metadata }: SafetensorsFile['metadata']) {
  return metadata;
}

test('so does a file of an earlier version, which has no graph', async () => {
  const { tensors, metadata } = file;
  writeSafetensors(path, { tensors, metadata: ofEarlierVersion(metadata) });
  using predictor = await loadPredictor(path, options);
  expect((await predictor.predict(images)).logits).toEqual(logits);
});

test('a file that contradicts its own metadata is refused before anything of the stated size is made', async () => {
  const refuse = async (
    metadata: Record<string, string>,
    tensors: Map<string, NamedTensor> = new Map(file.tensors),
  ) => {
    writeSafetensors(path, { tensors, metadata: { ...ofEarlierVersion(file.metadata), ...metadata } });
    const error = await loadPredictor(path, options).then(
      () => null,
      (reason) => reason,
    );
    expect(error).toMatchObject({ code: 'ERR_DATA' });
    return error.message.replace(path, 'file');
  };
  const making = vi.spyOn(State.prototype, 'on');
  expect(await refuse({ classes: '1000000' })).toMatch(
    /^file cannot be used: expected shape \[1000000,\d+\] for "classifier\/weight" but received \[100,\d+\]$/,
  );
  expect(await refuse({ width: '0.2' })).toMatch(/expected shape .* for "conv2\/weight"/);
  expect(await refuse({ model: 'toString' })).toMatch(/one of inception33/);
  expect(await refuse({ mean: '[1,"2",3]' })).toMatch(/numbers for mean/);
  const without = new Map(file.tensors);
  without.delete('conv1/runningVariance');
  expect(await refuse({}, without)).toBe('file cannot be used: it has no F32 tensor "conv1/runningVariance"');
  expect(making).not.toHaveBeenCalled();
  making.mockRestore();
});

test('images of another size than those of the training are refused, unless they are to be cropped', async () => {
  writeSafetensors(path, file);
  const refused = (shape: readonly number[]) => loadPredictor(path, { ...options, shape: shape as never });
  await expect(refused([224, 224, 3])).rejects.toThrow(
    'Expected images of 32x32, as in training (crop: true takes the 28x28 at the centre of others), for shape but received [224, 224, 3]',
  );
  await expect(refused([28, 28, 3])).rejects.toThrow(/as in training/);
  await expect(refused([20, 32, 3])).rejects.toThrow(/images of at least the model's 28x28 for shape/);
  await expect(refused([32, 32, 1])).rejects.toThrow(/the model's 3 for channels of shape but received 1/);
  using predictor = await loadPredictor(path, { ...options, shape: [40, 36, 3], crop: true });
  expect(predictor.inputShape).toEqual([28, 28, 3]);
  await expect(loadPredictor(path, { ...options, device: 'gpu' })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
  });
});
