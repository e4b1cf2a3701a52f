/** The evaluation of the test set in the report of a run. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SaturnnError } from '../../lib/errors';
import { constantRate } from '../../lib/optim/schedule';
import { loadWeights } from '../../lib/train/modelFile/weights';
import { Trainer } from '../../lib/train/trainer';
import { runTraining, type TrainingOptions } from '../../lib/train/training';
import { temporaryFolder } from '../temporary';
import { cpu, smallData } from '../train/support';
import { tinyModel } from '../train/tinyModel';

const data = smallData(40, 20);
const folder = temporaryFolder();
const textOf = (name: string) =>
  readFileSync(join(folder, name, 'report.html'), 'utf8')
    .replace(/<(script|style)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

const run = (name: string, options: Partial<TrainingOptions> = {}) =>
  runTraining({
    ...{ folder: join(folder, name), model: tinyModel(), ...data, device: cpu(), batch: 16, seed: 1 },
    ...{ length: { totalEpochs: 3 }, ...options },
  });

test('is that of the best epoch, also where the training has gone on', async () => {
  // With this learning rate, the loss grows from epoch to epoch.
  const { epochs, step } = await run('best', { checkpoints: { best: 'testLoss' }, schedule: constantRate(10) });
  const best = epochs.reduce((a, b) => (b.testLoss! < a.testLoss! ? b : a));
  const text = textOf('best');
  expect(text).toContain(`images 20 loss ${best.testLoss!.toFixed(4)} accuracy`);
  expect(text).toContain(`The weights are those after step ${best.step}, of the best epoch.`);
  // The file of the last weights has those after the last step all the same.
  const model = tinyModel();
  using trainer = new Trainer({ model, ...data, device: cpu(), batch: 16 });
  await loadWeights(join(folder, 'best', 'model.safetensors'), model, trainer.state);
  expect((await trainer.evaluate('test')).loss).toBe(epochs.at(-1)!.testLoss);
  expect([step, best.step < step]).toEqual([9, true]);
});

test('is left out without a test set, and of a training that was interrupted', async () => {
  await run('alone', { test: undefined });
  expect(textOf('alone')).not.toContain('Confusion');
  const abort = new AbortController();
  const show = () => abort.abort(new SaturnnError('ERR_INTERRUPTED', 'enough'));
  await run('interrupted', { watch: () => ({ signal: abort.signal, show }) });
  expect(textOf('interrupted')).not.toContain('Calibration');
});

test('that fails is a sentence in the report, and no failure of the training', async () => {
  // One of the names of the test set's classes is not the training set's.
  const names = Array.from({ length: 100 }, (_, label) => `name ${label}`);
  const train = data.train.named(names);
  const named = data.test.named(names.map((name, label) => (label === 7 ? 'another' : name)));
  const { ending } = await run('failed', { train, test: named });
  expect(ending).toBe('done');
  expect(textOf('failed')).toContain('could not be evaluated: Expected the network&#39;s name &quot;name 7&quot;');
  expect(existsSync(join(folder, 'failed', 'curves.svg'))).toBe(true);
});
