/** Networks of other papers with the weights that PyTorch had (test/pytorch/record_networks.py): equal logits, trained further, and back. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  convertWeights,
  createModel,
  Dataset,
  loadPredictor,
  type NamedTensor,
  readSafetensors,
  Trainer,
  writeSafetensors,
} from '../../lib';
import { inspectModel } from '../../lib/models/inspect';
import { temporaryFolder } from '../temporary';
import { cpu } from '../train/support';
import { formulaTensors, recorded, recordedImages } from './formula';

const folder = temporaryFolder();
const classes = 10;

/** The tensors of a file that are not counts of steps, which are 0 in files of saturnn. */
const weightsOf = (tensors: ReadonlyMap<string, NamedTensor>) =>
  new Map([...tensors].filter(([name]) => !name.endsWith('num_batches_tracked')));

describe.each(Object.entries(recorded.networks))('%s', (name, network) => {
  const { width, size, channels, mean, std, logits } = network;
  const [given, converted, back] = ['given', 'converted', 'back'].map((file) => join(folder, `${name}.${file}`)) as [
    ...[string, string, string],
  ];

  test('predicts as in PyTorch, and its weights go back with equal bits', async () => {
    const tensors = formulaTensors(network);
    writeSafetensors(given, { tensors, metadata: { format: 'pt' } });
    const model = createModel(name, { width, classes, size, channels });
    const report = convertWeights(given, converted, { to: 'saturnn', model, imageMean: mean, imageStd: std });
    expect(report).toMatchObject({ missing: [], misfitting: [], leftOut: [] });
    using predictor = await loadPredictor(converted, { device: cpu() });
    const { logits: got } = await predictor.predict(recordedImages(network), { count: logits.length });
    const expected = logits.flat();
    const largest = Math.max(...expected.map(Math.abs));
    const difference = Math.max(...expected.map((value, index) => Math.abs(value - got[index]!)));
    expect(difference / largest).toBeLessThan(1e-5);

    convertWeights(converted, back, { to: 'pytorch' });
    const result = readSafetensors(back).tensors;
    expect([...result.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [tensor, { data }] of weightsOf(tensors))
      expect(Buffer.compare(bytesOf(data), bytesOf(result.get(tensor)!.data)), tensor).toBe(0);
  });

  if (!(name in recorded.parameters)) return;
  // Only torchvision's networks, of which the number of parameters is recorded, are trained here: it takes a while.
  test('is trained further with other classes, and goes back', async () => {
    const bytes = recordedImages(network);
    const train = Dataset.from({ images: bytes, labels: [0, 2], shape: [...size, channels], classes: 3 });
    using trainer = new Trainer({ weights: converted, head: { classes: 3 }, train, device: cpu(), batch: 2 });
    await trainer.fit({ epochs: 1 });
    await trainer.saveWeights(`${converted}.tuned`);
    convertWeights(`${converted}.tuned`, back, { to: 'pytorch' });
    const before = weightsOf(formulaTensors(network));
    const after = weightsOf(readSafetensors(back).tensors);
    const head = [...before.keys()].filter((tensor) => before.get(tensor)!.shape[0] === classes);
    expect(head).toHaveLength(2);
    for (const [tensor, { shape, data }] of before) {
      const now = after.get(tensor)!;
      expect(now.shape, tensor).toEqual(head.includes(tensor) ? [3, ...shape.slice(1)] : shape);
      // A shift may have too small a gradient to change in one step.
      if (shape.length > 1) expect(Buffer.compare(bytesOf(data), bytesOf(now.data)), tensor).not.toBe(0);
    }
  });
});

const bytesOf = ({ buffer, byteOffset, byteLength }: NamedTensor['data']) =>
  Buffer.from(buffer, byteOffset, byteLength);

test('networks have as many parameters as torchvision’s, at every width', () => {
  for (const [name, counts] of Object.entries(recorded.parameters))
    for (const [width, parameters] of Object.entries(counts))
      expect(inspectModel(createModel(name, { width: Number(width) })).totals.parameters, width).toBe(parameters);
});
