import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { type NamedTensor, type SafetensorsFile, writeSafetensors } from '../../lib/files/safetensors';
import { createModel } from '../../lib/models';
import { State } from '../../lib/tensor/state';
import { collectWeights } from '../../lib/train/checkpoint/weights';
import { loadPredictor } from '../../lib/train/loadPredictor';
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
  file = await collectWeights(model, trainer.state, await trainer.statistics());
  logits = (await trainer.predict(images)).logits;
});

test('a predictor loaded from a file gives the same bits as the trainer', async () => {
  writeSafetensors(path, file);
  using predictor = await loadPredictor(path, options);
  expect((await predictor.predict(images)).logits).toEqual(logits);
});

test('a file that contradicts its own metadata is refused before anything of the stated size is made', async () => {
  const refuse = async (
    metadata: Record<string, string>,
    tensors: Map<string, NamedTensor> = new Map(file.tensors),
  ) => {
    writeSafetensors(path, { tensors, metadata: { ...file.metadata, ...metadata } });
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
