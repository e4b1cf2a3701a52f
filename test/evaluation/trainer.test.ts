import { describe, expect, test } from 'vitest';
import type { ImageSource } from '../../lib/data/source';
import { evaluatePredictions } from '../../lib/evaluation/evaluatePredictions';
import { smallData, trainersWith } from '../train/support';
import { tinyModel } from '../train/tinyModel';

const { train, test: images } = smallData(40, 19);
const names = Array.from({ length: 100 }, (_, label) => `name ${label}`);

describe('Trainer.evaluate()', () => {
  const make = trainersWith(() => ({ model: tinyModel(), train, test: images, batch: 8 }));

  test.each(['resident', 'streaming'] as const)('of a set is that of its predictions, data %s', async (data) => {
    const trainer = make({ data });
    await trainer.fit({ steps: 2 });
    const evaluation = await trainer.evaluate('test', { bins: 7, mistakes: 5 });
    const { probabilities } = await trainer.predict(images);
    const expected = evaluatePredictions({ probabilities, labels: images.labels, bins: 7, mistakes: 5 });
    expect(evaluation).toMatchObject({ count: 19, classes: 100, confusion: expected.confusion });
    expect(evaluation.topK).toEqual(expected.topK);
    expect(evaluation.perClass).toEqual(expected.perClass);
    expect(evaluation.calibration).toEqual(expected.calibration);
    expect(evaluation.mistakes.map(({ index }) => index)).toEqual(expected.mistakes.map(({ index }) => index));
    expect(evaluation.loss).toBeCloseTo(expected.loss, 5);
    // The epoch's figures are those of a plan without logits and probabilities.
    const { testLoss, testAccuracy, testTop5 } = trainer.epochs.at(-1)!;
    expect([evaluation.loss, evaluation.accuracy, evaluation.top5]).toEqual([testLoss, testAccuracy, testTop5]);

    expect(await trainer.evaluate(images, { bins: 7, mistakes: 5 })).toEqual(evaluation);
    expect(await trainer.evaluate(images.subset([3, 1]))).toMatchObject({ count: 2 });
    expect(await trainer.evaluate('train')).toMatchObject({ count: 40 });
  });

  test('of named classes has their names', async () => {
    const named = make({ train: train.named(names) });
    const { classNames, perClass } = await named.evaluate(images);
    expect(classNames).toEqual(names);
    expect(perClass[99]!.name).toBe('name 99');
    expect((await named.evaluate(images.named(names))).classNames).toEqual(names);
  });

  test('refuses a set that is not for this network, and says why', async () => {
    const named = make({ train: train.named(names) });
    const refused = async (source: unknown, message: string | RegExp) => {
      const error = await named.evaluate(source as ImageSource).catch((reason) => reason);
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) });
    };
    const like = (more: Partial<ImageSource>) => ({
      ...{ count: 19, shape: [32, 32, 3], classes: 100, classNames: null, labels: images.labels },
      read: (indices: Int32Array, target: Uint8Array) => images.read(indices, target),
      ...more,
    });
    const renamed = names.map((name, label) => (label >= 40 ? `${name}!` : name));
    await refused(
      images.named(renamed),
      'Expected the network\'s name "name 40" \\(as for all of its classes\\) for class 40 of data but received "name 40!"',
    );
    await refused(like({ classes: 101 }), /at most the network's 100 classes for data but received 101/);
    await refused(like({ count: 0, labels: new Int32Array(0) }), /at least one image for data but received "none"/);
    await refused(like({ shape: [28, 28, 3] }), /\[32,32,3\] for shape of images/);
    const labels = Int32Array.from(images.labels);
    labels[7] = 100;
    await refused(like({ labels }), /an integer from 0 to 99 for labels of data\[7\] but received 100/);
    await refused('validation', /"train", "test", a Dataset or another ImageSource for data/);
    await refused(undefined, /for data but received nothing/);
  });
});
