/** Networks of one's own in model files: saved, and loaded without their code. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../lib/files/safetensors';
import { Linear } from '../../lib/layers';
import { functionalModel, type Model, models } from '../../lib/models';
import { inspectModel } from '../../lib/models/inspect';
import { add } from '../../lib/ops/channels';
import { globalAveragePool } from '../../lib/ops/pooling';
import { State } from '../../lib/tensor/state';
import { loadPredictor } from '../../lib/train/loadPredictor';
import { loadModel } from '../../lib/train/modelFile/loadModel';
import { Predictor } from '../../lib/train/predictor';
import { version } from '../../lib/version';
import { branchedModel } from '../models/networks';
import { temporaryFolder } from '../temporary';
import { cpu, smallData, snapshot, trainerOf } from './support';

const folder = temporaryFolder();
const path = join(folder, 'model.safetensors');
const checkpoint = join(folder, 'last.checkpoint');
const data = smallData(32, 20);
const make = () => branchedModel({ classes: 100, size: 28 });
const trainerFor = (model: Model) => trainerOf({ model, ...data, seed: 3 });
let logits: Float32Array;

beforeAll(async () => {
  using trainer = trainerFor(make());
  await trainer.fit({ epochs: 2 });
  await trainer.saveWeights(path);
  await trainer.save(checkpoint);
  logits = (await trainer.predict(data.test)).logits;
});

/** Writes the file with other metadata, and returns its path. */
function changed(change: Record<string, string | undefined>): string {
  const { tensors, metadata } = readSafetensors(path);
  const other = join(folder, 'changed.safetensors');
  const kept = Object.entries({ ...metadata, ...change }).filter(([, value]) => value !== undefined);
  writeSafetensors(other, { tensors, metadata: Object.fromEntries(kept) as Record<string, string> });
  return other;
}

describe('a network of branches, residuals, normalisation, dropout and constants', () => {
  test('predicts the same bits in a process that does not have its code', async () => {
    const images = join(folder, 'images.safetensors');
    writeSafetensors(images, {
      tensors: new Map([['images', { shape: [20, 32, 32, 3], data: data.test.images }]]),
      metadata: {},
    });
    const script = `
      const { loadPredictor, readSafetensors } = require(${JSON.stringify(join(__dirname, '..', '..'))});
      (async () => {
        const predictor = await loadPredictor(${JSON.stringify(path)}, { device: 'cpu', batch: 16 });
        const { data } = readSafetensors(${JSON.stringify(images)}).tensors.get('images');
        const { logits } = await predictor.predict(data, { count: 20 });
        process.stdout.write(Buffer.from(logits.buffer).toString('hex'));
        predictor.dispose();
      })();`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { maxBuffer: 2 ** 24 });
    expect(stdout).toBe(Buffer.from(logits.buffer).toString('hex'));
  });

  test('is trained further to the same bits as with its code', async () => {
    using own = trainerFor(make());
    await own.loadWeights(path);
    const { model } = await loadModel(path);
    using loaded = trainerFor(model);
    const both = [own, loaded];
    // The loaded network begins with its weights.
    expect((await loaded.predict(data.test)).logits).toEqual(logits);
    const states = await Promise.all(
      both.map(async (trainer) => {
        await trainer.fit({ epochs: 1 });
        return snapshot(trainer.state);
      }),
    );
    expect(states[1]!.equals(states[0]!)).toBe(true);
  });

  test('goes on from a checkpoint that was written with its code', async () => {
    using own = trainerFor(make());
    await own.restore(checkpoint);
    using loaded = trainerFor((await loadModel(path)).model);
    await loaded.restore(checkpoint);
    await Promise.all([own.fit({ epochs: 1 }), loaded.fit({ epochs: 1 })]);
    expect((await snapshot(loaded.state)).equals(await snapshot(own.state))).toBe(true);
  });

  test('has the same layers, and its file is written again byte for byte', async () => {
    const { model } = await loadModel(path);
    expect(model).toMatchObject({ name: 'branched', classes: 100, inputShape: [28, 28, 3], width: 1 });
    expect(inspectModel(model)).toEqual(inspectModel(make()));
    using trainer = trainerFor(model);
    const again = join(folder, 'again.safetensors');
    await trainer.saveWeights(again);
    const [first, second] = [path, again].map(readSafetensors);
    expect(second!.tensors).toEqual(first!.tensors);
    expect({ ...second!.metadata, card: '' }).toEqual({ ...first!.metadata, card: '' });
  });

  test('belongs to one State, and is there for Predictor.create()', async () => {
    const { model, statistics } = await loadModel(path);
    const state = new State(model.parameters, { buffers: model.buffers });
    using predictor = await Predictor.create({ model, state, statistics, device: cpu(), batch: 16, ownsState: true });
    expect(predictor).toMatchObject({ shape: [32, 32, 3], classes: 100, classNames: null });
    expect((await predictor.predict(data.test)).logits).toEqual(logits);
    expect(() => new State(model.parameters)).toThrow(/already belongs to a State/);
    await expect(Predictor.create({ model, state, statistics: {} as never })).rejects.toThrow(
      /the statistics of a data set.* for statistics/,
    );
    await expect(Predictor.create({ model, state, statistics, crop: true } as never)).rejects.toThrow(
      /Predictor\.create\(\) has no option "crop"/,
    );
  });
});

describe('a model file', () => {
  test('has a card: version, data, settings, metrics', async () => {
    const { card, classNames, decoding, statistics } = await loadModel(path);
    expect({ classNames, decoding, shape: statistics.imageShape }).toEqual({
      ...{ classNames: null, decoding: null, shape: [32, 32, 3] },
    });
    expect(card).toMatchObject({
      saturnn: version,
      step: 4,
      metrics: { epoch: 2, step: 4, trainLoss: expect.any(Number), testAccuracy: expect.any(Number) },
      train: { count: 32, shape: [32, 32, 3], classes: 100, content: expect.stringMatching(/^[0-9a-f]{64}$/) },
      test: { count: 20 },
      settings: { batch: 16, seed: 3, precision: 'f32', optimizer: { kind: 'Sgd' } },
    });
    expect(card!.metrics).not.toHaveProperty('imagesPerSecond');
    await expect(loadModel(changed({ card: '[]' }))).rejects.toThrow(/Expected a model card but received "\[\]"/);
  });

  test('of an earlier version has no graph: only that of a built-in model loads', async () => {
    const other = changed({ graph: undefined, card: undefined });
    await expect(loadModel(other)).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: `${other} cannot be used: it has no graph (it is of an earlier version), and its model is not one of ${Object.keys(models).join(', ')} but "branched"`,
    });
  });

  test('that is wrong is refused by name', async () => {
    const refused = (change: Record<string, string | undefined>, message: string | RegExp) =>
      expect(loadModel(changed(change))).rejects.toMatchObject({
        code: 'ERR_DATA',
        message: expect.stringMatching(message),
      });
    const { graph = '' } = readSafetensors(path).metadata;
    const replaced = (from: string, to: string) => ({ graph: graph.replaceAll(from, to) });
    await refused({ graph: '{' }, 'changed.safetensors cannot be used: ');
    await refused({ graph: '['.repeat(300) }, 'it is nested more than 200 levels deep');
    await refused(replaced('"version":1', '"version":7'), 'version 7, and this reads 1: a newer version of saturnn');
    await refused(replaced('"maxPool"', '"fractionalPool"'), 'node 6 .* no op "fractionalPool" for forward passes');
    await refused(replaced('[16,3,3,3]', '[16,3,3,4]'), 'expected shape \\[16,3,3,4\\] for "stem/weight"');
    await refused(replaced('"stem/weight"', '"stem/wieght"'), 'nearest name that it has is "stem/weight"');
    await refused({ activation: 'tan' }, 'one of ');
    await refused({ width: '-1' }, 'width');
    await refused({ normalization: 'layer' }, 'normalization');
    await refused({ mean: undefined }, 'numbers for mean');
    await expect(loadModel(join(folder, 'none'))).rejects.toMatchObject({ code: 'ERR_DATA' });
    await expect(loadModel('')).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(loadPredictor(changed({ graph: '{}' }), { device: cpu() })).rejects.toMatchObject({
      code: 'ERR_DATA',
    });
  });

  test('of a network that no file can hold has its weights, and says why there is no graph', async () => {
    const head = new Linear({ name: 'head', inputs: 3, outputs: 100 });
    const model = functionalModel({
      ...{ name: 'odd', parameters: head.parameters, inputShape: [28, 28, 3], classes: 100 },
      // Twice as many nodes for an odd number of images.
      forward(x) {
        const logits = head.forward(globalAveragePool(x));
        return x.shape[0]! % 2 ? add(logits, logits) : logits;
      },
    });
    using trainer = trainerFor(model);
    const other = join(folder, 'odd.safetensors');
    await trainer.saveWeights(other);
    expect([...readSafetensors(other).tensors.keys()]).toEqual(['head/weight', 'head/bias']);
    await expect(loadModel(other)).rejects.toThrow(
      /it has no graph \(its forward pass has other nodes for another number of images\), and its model .* "odd"$/,
    );
    await trainer.loadWeights(other);
  });
});
