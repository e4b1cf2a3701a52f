/** Files that PyTorch and the safetensors package have written (test/pytorch/record_weights.py): read, converted, and computed with. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  convertWeights,
  createModel,
  loadPredictor,
  openSafetensors,
  readSafetensors,
  Trainer,
  toFloat32,
  writeSafetensors,
} from '../../lib';
import { temporaryFolder } from '../temporary';
import { cpu, smallData } from '../train/support';
import {
  batch,
  fixture,
  recorded,
  size,
  smallLogits,
  smallNetwork,
  subInceptionImages,
  subInceptionTensors,
} from './network';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
const original = fixture('weights.safetensors');

/** The largest difference of two lists of logits. */
const difference = (got: ArrayLike<number>, want: number[][]): number =>
  Math.max(...want.flat().map((value, index) => Math.abs(value - (got[index] ?? Number.NaN))));

describe('dtypes', () => {
  const { tensors } = readSafetensors(fixture('dtypes.safetensors'));

  test.each(Object.entries(recorded.dtypes))('%s', (dtype, numbers) => {
    const tensor = tensors.get(dtype)!;
    expect(tensor.dtype).toBe(dtype);
    expect([...toFloat32(tensor)]).toEqual(numbers.map(Math.fround));
    if (dtype !== 'F16' && dtype !== 'BF16') expect(Array.from(tensor.data as Float64Array, Number)).toEqual(numbers);
  });
});

describe('a small network', () => {
  test('gives the logits of PyTorch, from its file as it is, and from the converted one', async () => {
    expect(difference(await smallLogits(original), recorded.small)).toBeLessThan(1e-5);
    const report = convertWeights(original, path('small'), { to: 'saturnn', model: smallNetwork() });
    expect(difference(await smallLogits(path('small')), recorded.small)).toBeLessThan(1e-5);
    expect(report).toMatchObject({ missing: [], misfitting: [], leftOut: [] });
    expect(report.ignored).toEqual(['block.bn.num_batches_tracked', 'bn1.num_batches_tracked']);
    expect(report.fitted.map(({ name, from }) => [name, from])).toEqual([
      ['conv1/weight', 'conv1.weight'],
      ['bn1/scale', 'bn1.weight'],
      ['bn1/shift', 'bn1.bias'],
      ['conv2/weight', 'conv2.weight'],
      ['conv2/bias', 'conv2.bias'],
      ['block/weight', 'block.conv.weight'],
      ['block/scale', 'block.bn.weight'],
      ['block/shift', 'block.bn.bias'],
      ['fc/weight', 'fc.weight'],
      ['fc/bias', 'fc.bias'],
      ['bn1/runningMean', 'bn1.running_mean'],
      ['bn1/runningVariance', 'bn1.running_var'],
      ['block/runningMean', 'block.bn.running_mean'],
      ['block/runningVariance', 'block.bn.running_var'],
    ]);
    // A kernel of 1x1 lies in the same order in both.
    expect(report.fitted.filter(({ reordered }) => reordered).map(({ name }) => name)).toEqual([
      'conv1/weight',
      'conv2/weight',
    ]);
    expect(report.fitted[3]).toMatchObject({ shape: [12, 3, 1, 8], fromShape: [12, 8, 3, 1], dtype: 'F32' });
  });

  test('goes back with equal bits, by its own names and by those of a file', () => {
    convertWeights(original, path('small'), { to: 'saturnn', model: smallNetwork() });
    const { tensors } = readSafetensors(original);
    convertWeights(path('small'), path('like'), { to: 'pytorch', like: original });
    expect(readSafetensors(path('like'))).toEqual({ tensors, metadata: { format: 'pt' } });
    convertWeights(path('small'), path('back'), { to: 'pytorch' });
    const back = readSafetensors(path('back')).tensors;
    expect([...back.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, tensor] of tensors) if (tensor.dtype === 'F32') expect(back.get(name), name).toEqual(tensor);
  });

  test('comes in as halves, exactly, and as doubles', async () => {
    const { tensors, metadata } = readSafetensors(original);
    const doubles = [...tensors].map(
      ([name, { shape, data, dtype }]) =>
        [name, { shape, data: dtype === 'F32' ? Float64Array.from(data as Float32Array) : data }] as const,
    );
    writeSafetensors(path('doubles'), { tensors: new Map(doubles), metadata });
    expect(difference(await smallLogits(path('doubles')), recorded.small)).toBeLessThan(1e-5);
    convertWeights(original, path('small'), { to: 'saturnn', model: smallNetwork() });
    for (const [dtype, stored, bound] of [
      ['f16', 'F16', 0.02],
      ['bf16', 'BF16', 0.1],
    ] as const) {
      convertWeights(path('small'), path(dtype), { to: 'pytorch', dtype });
      expect(openSafetensors(path(dtype)).tensors.get('conv1.weight')!.dtype).toBe(stored);
      convertWeights(path(dtype), path(`${dtype} of saturnn`), { to: 'saturnn', model: smallNetwork(), dtype });
      const logits = await smallLogits(path(dtype));
      expect(await smallLogits(path(`${dtype} of saturnn`))).toEqual(logits);
      expect(difference(logits, recorded.small)).toBeLessThan(bound);
      expect(difference(logits, recorded.small)).toBeGreaterThan(1e-5);
    }
  });
});

describe('a built-in model', () => {
  const { logits, mean, std } = recorded.subInception;
  const options = { width: 0.01, classes: 7, size, normalization: 'batch' } as const;

  test('predicts as its twin in PyTorch does, and can be trained further', async () => {
    const given = path('subInception.pytorch');
    writeSafetensors(given, { tensors: subInceptionTensors(), metadata: { format: 'pt' } });
    const model = createModel('subInception', options);
    const classNames = [...'abcdefg'];
    const report = convertWeights(given, path('subInception'), {
      ...{ to: 'saturnn', model, imageMean: mean, imageStd: std, classNames },
    });
    expect(report).toMatchObject({ missing: [], misfitting: [], leftOut: [] });
    using predictor = await loadPredictor(path('subInception'), { device: cpu() });
    expect(predictor.classNames).toEqual(classNames);
    const predicted = await predictor.predict(subInceptionImages(), { count: batch });
    expect(difference(predicted.logits, logits)).toBeLessThan(1e-5);

    convertWeights(path('subInception'), path('subInception.back'), { to: 'pytorch' });
    const { tensors } = readSafetensors(given);
    const back = readSafetensors(path('subInception.back')).tensors;
    expect([...back.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, tensor] of tensors) if (tensor.dtype === 'F32') expect(back.get(name), name).toEqual(tensor);

    const trained = createModel('subInception', { ...options, classes: 100 });
    using trainer = new Trainer({ model: trained, ...smallData(2, 2), device: cpu(), batch: 2 });
    convertWeights(given, path('larger'), { to: 'saturnn', model: trained, partial: true });
    await trainer.loadWeights(path('larger'));
    await expect(loadPredictor(given)).rejects.toThrow(
      'it is not a file of saturnn. Of weights of PyTorch, `saturnn convert`',
    );
    await expect(trainer.loadWeights(given)).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: expect.stringContaining('expected shape [100, 64] for "classifier.weight" but received [7, 64]'),
    });

    // The option `weights` takes the file as it is, and with a new head leaves its last layer out.
    const other = createModel('subInception', { ...options, classes: 100 });
    const head = { classes: 100 };
    const common = { ...smallData(2, 2), device: cpu(), batch: 2, freeze: ['3*'] };
    using tuned = new Trainer({ model: other, weights: given, head, ...common });
    expect(await tuned.state.read(other.parameters[0]!)).toEqual(await trainer.state.read(trained.parameters[0]!));
    const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect((await tuned.card()).from).toEqual({ file: 'subInception.pytorch', sha256 });
  });
});
