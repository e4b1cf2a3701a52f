/** Losses other than cross-entropy with labels: what they compute, measure and refuse, and how they are saved. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Dataset, type DatasetOptions } from '../../lib/data/dataset';
import type { LabelsEvaluation, NumbersEvaluation } from '../../lib/evaluation/others';
import { GlobalAveragePool, Linear, Sequential } from '../../lib/layers';
import { functionalModel } from '../../lib/models';
import { clamp } from '../../lib/ops/activation';
import { add, multiply } from '../../lib/ops/channels';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { mean, meanSquaredError } from '../../lib/ops/losses';
import { EarlyStopping } from '../../lib/train/callbacks';
import { readCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import { loadPredictor } from '../../lib/train/loadPredictor';
import type { Loss, LossTensors } from '../../lib/train/loss/loss';
import { Trainer, type TrainerOptions } from '../../lib/train/trainer';
import { runTraining } from '../../lib/train/training';
import { temporaryFolder } from '../temporary';
import { cpu, snapshot } from './support';

const folder = temporaryFolder();
const shape = [4, 4, 3] as const;
const count = 22;

/** Images of one colour each, and the shares of red and green in it: [red, green]. */
const colours = Array.from({ length: count }, (_, i) => [(37 * i) % 256, (91 * i + 50) % 256, (13 * i) % 256] as const);
const images = Uint8Array.from(colours.flatMap((colour) => new Array(16).fill(colour).flat()));
const dataOf = (targetsOf: (colour: readonly number[]) => readonly number[], more: Partial<DatasetOptions> = {}) => {
  const values = Float32Array.from(colours.flatMap(targetsOf));
  return Dataset.from({ images, shape, targets: { values, width: values.length / count }, ...more });
};
const numbers = dataOf(([red = 0, green = 0]) => [red / 255, green / 255]);
const several = dataOf(([red = 0, green = 0, blue = 0]) => [+(red > 128), +(green > 128), +(blue > 128)]);

function model(outputs: number) {
  const layers = new Sequential([new GlobalAveragePool(), new Linear({ name: 'top', inputs: 3, outputs })]);
  const forward = layers.forward.bind(layers);
  return functionalModel({ parameters: layers.parameters, inputShape: shape, classes: outputs, forward });
}

const trainers: Trainer[] = [];
afterEach(() => {
  for (const trainer of trainers.splice(0)) trainer.dispose();
});
const trainer = (options: Partial<TrainerOptions> & Pick<TrainerOptions, 'train'>): Trainer => {
  const { targets, classes } = options.train;
  const made = new Trainer({
    ...{ model: model(targets?.width ?? classes), device: cpu(), batch: 8, learningRate: 0.1 },
    ...options,
  });
  trainers.push(made);
  return made;
};
const bits = async ({ state }: Trainer) => (await snapshot(state)).toString('hex');

/** The Huber loss with its bend at 0.1, of public ops. */
function huber({ outputs, targets, labels, weights }: LossTensors) {
  const difference = add(outputs, multiply(targets!, -1));
  const inner = clamp(difference, { low: -0.1, high: 0.1 });
  const each = multiply(inner, add(difference, multiply(inner, -0.5)));
  return mean(each, { labels, ...(weights && { weights }) });
}

describe('each loss', () => {
  const cases: readonly (readonly [Loss, Dataset])[] = [
    ['meanSquaredError', numbers],
    ['meanAbsoluteError', numbers],
    ['binaryCrossEntropy', several],
    [huber, numbers],
    ['crossEntropy', dataOf(([red = 0]) => [red / 255, 1 - red / 255])],
  ];

  test.each(cases)(
    '%s measures in training what evaluate() measures, without rows that fill up a batch',
    async (loss, data) => {
      const still = trainer({ train: data, test: data, loss, learningRate: 0 });
      const events = [];
      for await (const event of still.fit({ epochs: 1 })) if (event.event === 'epoch') events.push(event);
      const [epoch] = events as unknown as [Record<string, number>];
      const evaluation = (await still.evaluate('train', { mistakes: 0 })) as unknown as Record<string, number>;
      const measured = Object.keys(epoch).flatMap((name) => name.match(/^train(.*)$/)?.[1] ?? []);
      expect(measured.length).toBeGreaterThan(1);
      for (const name of measured) {
        expect(epoch[`train${name}`]).toBeCloseTo(epoch[`test${name}`]!, 5);
        expect(epoch[`train${name}`]).toBeCloseTo(evaluation[`${name[0]!.toLowerCase()}${name.slice(1)}`]!, 5);
      }
    },
  );

  test.each(cases)('%s falls', async (loss, data) => {
    const made = trainer({ train: data, loss });
    const [before, after] = [
      await made.evaluate('train'),
      await made.fit({ epochs: 20 }).then(() => made.evaluate('train')),
    ];
    expect(after.loss).toBeLessThan(0.95 * before.loss);
  });
});

test('the mean squared error and its metrics are those of the formulas', async () => {
  const made = trainer({ train: numbers, test: numbers, loss: 'meanSquaredError' });
  const end = await made.fit({ epochs: 2 });
  const [, epoch] = made.epochs;
  const { logits, probabilities } = await made.predict(numbers);
  const differences = logits.map((output, i) => output - numbers.targets!.values[i]!);
  const meanOf = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(epoch!.testLoss).toBeCloseTo(meanOf(differences.map((d) => d * d)), 5);
  expect(epoch!.testRootMeanSquaredError).toBeCloseTo(Math.sqrt(epoch!.testLoss!), 5);
  expect(epoch!.testMeanAbsoluteError).toBeCloseTo(meanOf(differences.map(Math.abs)), 5);
  expect(end).toMatchObject({ testMeanAbsoluteError: epoch!.testMeanAbsoluteError });
  expect([epoch, end].some((event) => 'testAccuracy' in event! || 'trainAccuracy' in event!)).toBe(false);
  expect(probabilities.length).toBe(0);
  const { perOutput, meanAbsoluteError } = await made.evaluate<NumbersEvaluation>('test');
  expect((perOutput[0]!.meanAbsoluteError + perOutput[1]!.meanAbsoluteError) / 2).toBeCloseTo(meanAbsoluteError, 6);
});

test('several labels per image are measured by right labels, exact matches and F1', async () => {
  const stopping = new EarlyStopping({ metric: 'testLabelAccuracy', patience: 30 });
  const options = { loss: 'binaryCrossEntropy', learningRate: 1, callbacks: [stopping] } as const;
  const made = trainer({ train: several, test: several, ...options });
  await made.fit({ epochs: 30 });
  const { probabilities } = await made.predict(several);
  const right = several.targets!.values.map((target, i) => +(probabilities[i]! > 0.5 === target > 0.5));
  const exact = Array.from({ length: count }, (_, n) => +right.subarray(3 * n, 3 * n + 3).every((is) => is === 1));
  const evaluation = await made.evaluate<LabelsEvaluation>('test');
  const share = (all: ArrayLike<number>) => Array.from(all).reduce((sum, is) => sum + is, 0) / all.length;
  expect(evaluation.labelAccuracy).toBeCloseTo(share(right), 6);
  expect(evaluation.exactMatch).toBeCloseTo(share(exact), 6);
  expect(share(right)).toBeGreaterThan(0.8);
  const last = made.epochs.at(-1)!;
  expect(last.testLabelAccuracy).toBeCloseTo(evaluation.labelAccuracy, 5);
  expect(last.testExactMatch).toBeCloseTo(evaluation.exactMatch, 5);
  expect(last.testMicroF1).toBeCloseTo(evaluation.microF1, 5);
  expect(evaluation.perLabel.map(({ f1 }) => f1).reduce((a, b) => a + b, 0) / 3).toBeCloseTo(evaluation.macroF1, 6);
});

test('a function of the same ops gives the same bits as a loss of saturnn', async () => {
  const own = function own({ outputs, targets, labels }: LossTensors) {
    return meanSquaredError(outputs, targets!, { labels });
  };
  const [ours, theirs] = [
    trainer({ train: numbers, loss: 'meanSquaredError' }),
    trainer({ train: numbers, loss: own }),
  ];
  for (const each of [ours, theirs]) await each.fit({ epochs: 2 });
  expect(await bits(theirs)).toBe(await bits(ours));
});

test('a function of labels is measured by accuracies', async () => {
  const train = Dataset.from({ images, labels: colours.map(([red]) => +(red > 128)), shape });
  const smoothed = ({ outputs, labels }: LossTensors) =>
    softmaxCrossEntropy(outputs, labels, { labelSmoothing: 0.1, name: 'loss' }).loss;
  const [ours, theirs] = [trainer({ train, labelSmoothing: 0.1 }), trainer({ train, loss: smoothed })];
  for (const each of [ours, theirs]) await each.fit({ epochs: 2 });
  expect(await bits(theirs)).toBe(await bits(ours));
  const [own, usual] = [await theirs.evaluate('train'), await ours.evaluate('train')];
  expect(own.loss).toBeGreaterThan(usual.loss);
  expect({ ...own, loss: 0 }).toEqual({ ...usual, loss: 0 });
});

test('soft labels that name one class train as labels do, and weights of 1 change no bit', async () => {
  const labels = colours.map(([red]) => +(red > 128));
  const plain = { images, labels, shape, classes: 2 };
  const values = Float32Array.from(labels.flatMap((label) => [1 - label, label]));
  const hard = trainer({ train: Dataset.from(plain), labelSmoothing: 0.1 });
  const soft = trainer({ train: Dataset.from({ ...plain, targets: { values, width: 2 } }), labelSmoothing: 0.1 });
  const ones = trainer({
    train: Dataset.from({ ...plain, weights: new Float32Array(count).fill(1) }),
    labelSmoothing: 0.1,
  });
  for (const each of [hard, soft, ones]) await each.fit({ epochs: 3 });
  expect(await bits(ones)).toBe(await bits(hard));
  expect(soft.epochs[2]!.trainLoss).toBeCloseTo(hard.epochs[2]!.trainLoss, 5);
  expect(soft.epochs[2]!.trainAccuracy).toBe(hard.epochs[2]!.trainAccuracy);
});

test('a step in parts has the loss, the metrics and the weights of a whole one', async () => {
  for (const [loss, train] of [
    ['meanSquaredError', numbers],
    ['binaryCrossEntropy', several],
  ] as const) {
    const [whole, parts] = [1, 4].map((accumulate) => trainer({ train, loss, accumulate })) as [Trainer, Trainer];
    for (const each of [whole, parts]) await each.fit({ epochs: 2 });
    const { imagesPerSecond, ...expected } = whole.epochs[1] as unknown as Record<string, number>;
    for (const [name, value] of Object.entries(expected).filter(([, value]) => typeof value === 'number'))
      expect((parts.epochs[1] as unknown as Record<string, number>)[name]).toBeCloseTo(value, 5);
  }
});

test('images of weight 0 do not train', async () => {
  const weights = Float32Array.from(colours, (_, i) => +(i < 10));
  const values = numbers.targets!.values.map((value, i) => (i < 20 ? value : 77));
  const [one, other] = [numbers.targets!.values, values].map((own) =>
    trainer({ train: Dataset.from({ images, shape, weights, targets: { values: own, width: 2 } }), loss: huber }),
  ) as [Trainer, Trainer];
  for (const each of [one, other]) await each.fit({ epochs: 2 });
  expect(await bits(other)).toBe(await bits(one));
});

test('a run folder, a resumed run and a model file know the loss', async () => {
  const path = join(folder, 'run');
  const options = { model: model(2), train: numbers, test: numbers, loss: 'meanAbsoluteError', batch: 8 } as const;
  const stop = new EarlyStopping({ metric: 'testMeanAbsoluteError', patience: 5 });
  await runTraining({ ...options, folder: path, device: cpu(), length: { totalEpochs: 3 }, callbacks: [stop] });
  const [head, first] = readFileSync(join(path, 'epochs.csv'), 'utf8').split('\n');
  expect(head).toBe(
    'epoch,step,trainLoss,trainMeanAbsoluteError,trainRootMeanSquaredError,testLoss,testMeanAbsoluteError,testRootMeanSquaredError,learningRate,imagesPerSecond,evaluated',
  );
  expect(first!.split(',').filter((cell) => cell === '')).toEqual([]);
  const [report = ''] = readFileSync(join(path, 'report.html'), 'utf8').split('<script');
  const texts = ['Mean absolute error', 'test root mean squared error', 'Outputs'];
  expect(texts.filter((text) => !report.includes(text))).toEqual([]);
  expect(report.match(/NaN|undefined|ccuracy/g)).toBe(null);
  using predictor = await loadPredictor(join(path, 'model.safetensors'), { device: cpu() });
  expect(predictor.loss).toEqual({ name: 'meanAbsoluteError', kind: 'numbers' });
  const evaluation = await predictor.evaluate<NumbersEvaluation>(numbers);
  expect(evaluation.loss).toBe(evaluation.meanAbsoluteError);
  const last = join(path, 'last.checkpoint');
  expect((await readCheckpoint(last)).info.settings.loss).toBe('meanAbsoluteError');
  const resumed = trainer({ ...options, model: model(2), learningRate: 0.01 });
  await resumed.restore(last);
  expect(resumed.epochs).toHaveLength(3);
  expect(resumed.epochs[2]!.testMeanAbsoluteError).toBeCloseTo(evaluation.meanAbsoluteError, 6);
  const others = trainer({ ...options, model: model(2), loss: 'meanSquaredError', learningRate: 0.01 });
  await expect(others.restore(last)).rejects.toThrow('loss is meanAbsoluteError there and meanSquaredError here');
});

describe('refused is', () => {
  const classes = Dataset.from({ images, labels: colours.map((_, i) => i % 2), shape });
  const refused: readonly (readonly [string, Partial<TrainerOptions> & Pick<TrainerOptions, 'train'>, string])[] = [
    ['another name', { train: numbers, loss: 'mse' as never }, 'for loss'],
    [
      'a function without a name',
      {
        train: numbers,
        loss: (() => (): never => {
          throw 0;
        })(),
      },
      'a function with a name',
    ],
    [
      'a loss without targets',
      { train: classes, loss: 'meanSquaredError' },
      'for targets of train but received "none"',
    ],
    [
      'a test set without targets',
      { train: numbers, test: classes, loss: 'meanSquaredError' },
      'width of the targets of test',
    ],
    [
      'targets of another width',
      { train: numbers, model: model(3), loss: 'meanSquaredError' },
      "the network's 3 outputs for width",
    ],
    [
      'smoothing',
      { train: numbers, loss: 'meanSquaredError', labelSmoothing: 0.1 },
      'labelSmoothing does not apply to the loss "meanSquaredError"',
    ],
    [
      'class weights',
      { train: several, loss: 'binaryCrossEntropy', classWeights: 'balanced' },
      'classWeights does not apply',
    ],
    [
      'mixing',
      { train: numbers, loss: 'meanSquaredError', augmentation: [{ kind: 'mixup', alpha: 1 }] },
      'augmentation mixup does not apply',
    ],
    ['targets that are no probabilities', { train: numbers }, 'numbers that add up to 1'],
    [
      'labels that are neither',
      { train: dataOf(() => [0.5, 2]), loss: 'binaryCrossEntropy' },
      'targets.values[1] of train',
    ],
    [
      'a metric that it does not have',
      { train: numbers, loss: 'meanSquaredError', callbacks: [new EarlyStopping({ metric: 'trainAccuracy' })] },
      'but a training with this loss has trainLoss, trainMeanAbsoluteError',
    ],
  ];
  test.each(refused)('%s', (_, options, message) => {
    expect(() => trainer(options)).toThrow(message);
  });
});

test('a result that is no loss is an error that names the function', async () => {
  const wrong = ({ outputs }: LossTensors) => outputs;
  const made = trainer({ train: numbers, loss: wrong });
  await expect(made.fit({ steps: 1 })).rejects.toThrow(
    'Expected a Tensor, f32 [1] for the result of loss wrong() but received "f32 [8,2]"',
  );
});
