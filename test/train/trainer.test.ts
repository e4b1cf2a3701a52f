import { afterEach, describe, expect, test } from 'vitest';
import { inception33 } from '../../lib/models';
import { relu } from '../../lib/ops/activations';
import { linear } from '../../lib/ops/linear';
import { globalAveragePool } from '../../lib/ops/pooling';
import { AdamW } from '../../lib/optim/adamW';
import type { EpochEvent } from '../../lib/optim/metric';
import { constantRate, type RunLength } from '../../lib/optim/schedule';
import { Sgd } from '../../lib/optim/sgd';
import { loadAddon } from '../../lib/runtime/addon';
import { Device } from '../../lib/runtime/device';
import type { NativeDevice } from '../../lib/runtime/native';
import { Parameter } from '../../lib/tensor/state';
import type { Tensor } from '../../lib/tensor/tensor';
import type { TrainEvent } from '../../lib/train/events';
import { type FitOptions, Trainer, type TrainerOptions } from '../../lib/train/trainer';
import { cpu, smallData, smallModel, snapshot } from './support';

const trainers: Trainer[] = [];

function small(options: Partial<TrainerOptions> = {}): Trainer {
  const trainer = new Trainer({ model: smallModel(), ...smallData(), device: cpu(), batch: 16, ...options });
  trainers.push(trainer);
  return trainer;
}

afterEach(() => {
  for (const trainer of trainers.splice(0)) trainer.dispose();
});

async function collect(trainer: Trainer, options: FitOptions): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of trainer.fit(options)) events.push(event);
  return events;
}

describe('Trainer', () => {
  test('yields step, epoch and end events whose numbers belong together', async () => {
    const trainer = small();
    expect(trainer.stepsPerEpoch).toBe(7);
    const events = await collect(trainer, { epochs: 2 });
    const epochs = events.filter((event) => event.event === 'epoch');
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    for (const epoch of epochs) {
      expect(Object.keys(epoch)).toEqual([
        'event',
        'epoch',
        'step',
        'complete',
        'trainLoss',
        'trainAccuracy',
        'testLoss',
        'testAccuracy',
        'testTop5',
        'learningRate',
        'imagesPerSecond',
      ]);
      // The loss of an untrained network with 100 classes is near ln 100.
      expect(Math.abs(epoch.trainLoss - Math.log(100))).toBeLessThan(0.5);
      expect((epoch.trainAccuracy! * 100) % 1).toBeCloseTo(0, 9);
      expect((epoch.testAccuracy! * 50) % 1).toBeCloseTo(0, 9);
      expect(epoch.testTop5).toBeGreaterThanOrEqual(epoch.testAccuracy!);
    }
    const steps = events.filter((event) => event.event === 'step').map(({ step }) => step);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(steps.at(-1)).toBe(14);
    expect(events.at(-1)).toMatchObject({ event: 'end', steps: 14, epochs: 2 });
    expect(trainer.step).toBe(14);
  });

  test('learns: the loss on few images falls far below that of guessing', async () => {
    const data = smallData(20, 20);
    const trainer = small({ train: data.train, test: data.test, batch: 20, learningRate: 0.05 });
    await collect(trainer, { steps: 300 });
    const { loss, accuracy } = await trainer.evaluate('train');
    expect(loss).toBeLessThan(1.5);
    expect(accuracy).toBeGreaterThan(0.6);
  });

  test('train, evaluate, train again equals training alone, bit for bit', async () => {
    const alone = small();
    await collect(alone, { steps: 6 });
    const interrupted = small();
    await collect(interrupted, { steps: 3 });
    const before = await snapshot(interrupted.state);
    const first = await interrupted.evaluate('train');
    expect(await interrupted.evaluate('train')).toEqual(first);
    await interrupted.evaluate('test');
    expect(before.equals(await snapshot(interrupted.state))).toBe(true);
    await collect(interrupted, { steps: 3 });
    const end = await snapshot(interrupted.state);
    expect(end.equals(await snapshot(alone.state))).toBe(true);
    expect(end.equals(before)).toBe(false);
  });

  test('the same seed gives the same run, another seed another', async () => {
    const run = async (seed: number) => {
      const trainer = small({ seed });
      await collect(trainer, { steps: 4 });
      return snapshot(trainer.state);
    };
    const one = await run(1);
    expect(one.equals(await run(1))).toBe(true);
    expect(one.equals(await run(2))).toBe(false);
  });

  test('evaluates a set that the batch does not divide like one that it divides', async () => {
    const trainer = small({ batch: 50 });
    const other = small({ batch: 16 });
    const [whole, masked] = [await trainer.evaluate('test'), await other.evaluate('test')];
    expect(masked.accuracy).toBe(whole.accuracy);
    expect(Math.abs(masked.loss / whole.loss - 1)).toBeLessThan(1e-5);
  });

  test('stops at the step whose numbers are not finite, with the state as before it', async () => {
    const optimizer = new Sgd({ momentum: 0, weightDecay: 0 });
    const trainer = small({ model: smallModel({ activation: relu() }), learningRate: 1e6, optimizer });
    await expect(collect(trainer, { steps: 200 })).rejects.toMatchObject({ code: 'ERR_NON_FINITE' });
    const message = await collect(trainer, { steps: 1 }).catch((error: Error) => error.message);
    expect(message).toMatch(new RegExp(`at step ${trainer.step + 1}: .*; first in .*layer .*learning rate`));
    for (const parameter of trainer.state.parameters) {
      const values = await trainer.state.read(parameter);
      expect(values.every(Number.isFinite), parameter.name).toBe(true);
    }
  });

  // Weight decay multiplies the weights by -1e12 per step, until f32 cannot hold them. Loss and gradient are still finite then.
  test.each([
    ['SGD', new Sgd({ momentum: 0, weightDecay: 1e6 })],
    ['SGD with momentum and an average', new Sgd({ momentum: 0.9, weightDecay: 1e6, ema: { decay: 0.9 } })],
    ['AdamW', new AdamW({ weightDecay: 1e6 })],
  ])('stops before an update that would overflow: %s', async (_, optimizer) => {
    const trainer = small({ learningRate: 1e6, optimizer });
    const message = await collect(trainer, { steps: 4 }).catch((error: Error) => error.message);
    expect(message).toMatch(/^Training stopped at step 4: the update would make .*loss [\d.]+e\+\d+, .*learning rate/);
    expect(trainer.step).toBe(3);
    for (const arena of ['parameters', 'optimizer'] as const) {
      const values = new Float32Array((await trainer.state.readArena(arena)).buffer);
      expect(values.every(Number.isFinite), arena).toBe(true);
    }
  });

  test('stops before running statistics that would overflow, although the loss is finite', async () => {
    const trainer = small({ model: smallModel({ normalization: 'batch' }) });
    // Variances of 1e44: what is normalised by them is 0.
    const weight = trainer.state.parameters.find(({ name }) => name === 'stem/weight')!;
    await trainer.state.write(weight, new Float32Array(weight.size).fill(1e22));
    const before = await trainer.state.readArena('buffers');
    const message = await collect(trainer, { steps: 2 }).catch((error: Error) => error.message);
    expect(message).toMatch(/^Training stopped at step 1: loss [\d.]+, gradient norm .*; first in \w+ of layer stem/);
    expect(await trainer.state.readArena('buffers')).toEqual(before);
  });

  test('names the same step and layer for all ways of feeding data and grouping steps', async () => {
    const stop = async (options: Partial<TrainerOptions>) => {
      const optimizer = new Sgd({ momentum: 0, weightDecay: 0 });
      // Three steps are finite, so that the run may have to stop in the middle of a native call.
      const schedule = { name: 'cliff', at: (step: number) => (step < 3 ? 0.01 : 1e6) };
      const trainer = small({ model: smallModel({ activation: relu() }), optimizer, schedule, ...options });
      return collect(trainer, { steps: 30 }).catch((error: Error) => error.message);
    };
    const message = await stop({});
    expect(message).toMatch(/^Training stopped at step \d+: loss .*; first in \w+ of layer /);
    expect(await stop({ data: 'streaming' })).toBe(message);
    expect(await stop({ callbacks: [{ name: 'singly', everySteps: 1 }] })).toBe(message);
  });

  test('ends with the reason of an aborted signal, and can go on', async () => {
    const trainer = small();
    const abort = new AbortController();
    const reason = new Error('enough');
    const train = async () => {
      for await (const event of trainer.fit({ epochs: 1000, signal: abort.signal })) {
        if (event.event === 'step') abort.abort(reason);
      }
    };
    await expect(train()).rejects.toBe(reason);
    const { step } = trainer;
    expect(step).toBeLessThan(100);
    await collect(trainer, { steps: 1 });
    expect(trainer.step).toBe(step + 1);
  });

  test('refuses what makes no sense, naming it', async () => {
    for (const batch of [0, -1, 1.5]) expect(() => small({ batch })).toThrow(/batch/);
    expect(() => small({ batch: 101 })).toThrow(/at most the 100 images of train for batch but received 101/);
    for (const learningRate of [Number.NaN, Number.POSITIVE_INFINITY, -0.1]) {
      expect(() => small({ learningRate })).toThrow(/learningRate/);
      const schedule = { name: 'odd', at: (step: number) => (step < 2 ? 0.01 : learningRate) };
      await expect(collect(small({ schedule }), { steps: 3 })).rejects.toThrow(
        `learning rate of schedule "odd" at step 2 but received ${learningRate}`,
      );
    }
    expect(() => small({ learningRate: 0.1, schedule: constantRate(0.1) })).toThrow(/one of learningRate and schedule/);
    expect(() => small({ labelSmoothing: 1 })).toThrow(/labelSmoothing/);
    const none = Object.create(smallData().train, { count: { value: 0 } });
    Object.defineProperties(none, { shape: { value: [32, 32, 3] }, labels: { value: new Int32Array(0) } });
    expect(() => small({ test: none })).toThrow(/at least one image for test but received 0/);
    expect(() => small({ device: 'gpu' })).toThrow(/auto, cpu, cuda or cuda:N.*"gpu"/);
    expect(() => small({ model: inception33({ width: 0.1, classes: 10 }) })).toThrow(/classes of train/);
    expect(() => small({ model: inception33({ width: 0.1, size: 40 }) })).toThrow(/image size of train/);
    for (const missing of ['model', 'train'] as const) {
      expect(() => small({ [missing]: undefined })).toThrow(
        expect.objectContaining({
          code: 'ERR_INVALID_ARGUMENT',
          message: expect.stringMatching(`for ${missing} but received nothing$`),
        }),
      );
    }
    expect(() => new Trainer({} as TrainerOptions)).toThrow(/for train but received nothing/);
    expect(() => new (Trainer as unknown as new () => Trainer)()).toThrow(
      /model, weights, head, train, test.*received nothing/,
    );
    const trainer = small();
    for (const split of ['foo', 'model']) {
      await expect(trainer.evaluate(split as 'test')).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(
          `"train", "test", a Dataset or another ImageSource for data but received "${split}"`,
        ),
      });
    }
    await expect(trainer.fit().next()).rejects.toThrow(/one of epochs, steps, totalEpochs and totalSteps .*none/);
    await expect(collect(trainer, {})).rejects.toThrow(/one of epochs, steps, totalEpochs and totalSteps .*none/);
    await expect(collect(trainer, { epochs: 1, steps: 1 })).rejects.toThrow(/received "epochs and steps"/);
    await expect(collect(trainer, { steps: 0 })).rejects.toThrow(/steps/);
    const iterator = trainer.fit({ epochs: 5 });
    const computing = iterator.next();
    await expect(collect(trainer, { steps: 1 })).rejects.toMatchObject({ code: 'ERR_BUSY' });
    await computing;
    await iterator.return();
    await collect(trainer, { steps: 1 });
  });

  test('takes 64 images per step on a CPU and 128 on a GPU by default, or all if there are fewer', () => {
    expect(small({ batch: undefined }).batch).toBe(64);
    const gpu = new Device('cuda:0', { info: '{}', ops: {} } as NativeDevice);
    const data = smallData(130, 20);
    expect(small({ ...data, batch: undefined, device: gpu }).batch).toBe(128);
    expect(small({ batch: undefined, device: gpu }).batch).toBe(100);
    expect(small({ batch: 7, device: gpu }).batch).toBe(7);
  });

  test('compiles again after a compilation that failed', async () => {
    const model = smallModel();
    const shape = [100, 3];
    const stray = new Parameter({ name: 'stray', shape, decay: true, initialize: () => new Float32Array(300) });
    let broken = true;
    const forward = (x: Tensor) => (broken ? linear(globalAveragePool(x), stray) : model.forward(x));
    const trainer = small({ model: { ...model, forward } });
    await expect(trainer.evaluate('test')).rejects.toMatchObject({ code: 'ERR_GRAPH' });
    broken = false;
    expect((await trainer.evaluate('test')).loss).toBeGreaterThan(0);
  });

  test('follows the learning rate of every step', async () => {
    const rates = (events: TrainEvent[]) =>
      events.flatMap((event) => (event.event === 'step' ? event.learningRate : []));
    const singly = { name: 'singly', everySteps: 1 };
    const lengths: RunLength[] = [];
    const schedule = {
      name: 'falling',
      at: (step: number, length: RunLength) => {
        lengths.push(length);
        return 0.01 / (1 + step);
      },
    };
    const trainer = small({ schedule, callbacks: [singly], optimizer: new Sgd({ momentum: 0, weightDecay: 0 }) });
    expect(rates(await collect(trainer, { steps: 4 }))).toEqual([0.01, 0.01 / 2, 0.01 / 3, 0.01 / 4]);
    expect(new Set(lengths.map((length) => JSON.stringify(length)))).toEqual(
      new Set(['{"stepsPerEpoch":7,"totalSteps":4}']),
    );
    // The rate also reaches the plan: a rate of 0 changes nothing.
    const frozen = small({
      schedule: { name: 'frozen', at: (step) => (step === 0 ? 0.01 : 0) },
      optimizer: new Sgd({ momentum: 0, weightDecay: 0 }),
    });
    await frozen.evaluate('test');
    const initial = Buffer.from(await frozen.state.readArena('parameters'));
    await collect(frozen, { steps: 1 });
    const moved = Buffer.from(await frozen.state.readArena('parameters'));
    await collect(frozen, { steps: 2 });
    expect(moved.equals(initial)).toBe(false);
    expect(Buffer.from(await frozen.state.readArena('parameters')).equals(moved)).toBe(true);
  });

  test('goes on to a total', async () => {
    const trainer = small();
    await collect(trainer, { steps: 3 });
    await collect(trainer, { totalSteps: 5 });
    expect(trainer.step).toBe(5);
    expect(trainer.stepsOf({ totalEpochs: 2 })).toBe(9);
    expect(trainer.stepsOf({ totalSteps: 5 })).toBe(0);
    // The epoch's steps were done in two calls of fit(), but the event describes the whole epoch.
    const events = await collect(trainer, { totalEpochs: 1 });
    expect(events.at(-2)).toMatchObject({ event: 'epoch', epoch: 1, step: 7, complete: true });
    const { trainAccuracy } = events.at(-2) as EpochEvent;
    expect(trainAccuracy! * 100).toBeCloseTo(Math.round(trainAccuracy! * 100), 9);
  });

  test('predicts what it evaluates, for any number of images, given as a source or as bytes', async () => {
    const trainer = small();
    await collect(trainer, { steps: 3 });
    const { test: data } = smallData();
    const before = await snapshot(trainer.state);
    const { count, classes, probabilities, logits } = await trainer.predict(data);
    expect([count, classes, probabilities.length, logits.length]).toEqual([50, 100, 5000, 5000]);
    let loss = 0;
    let correct = 0;
    let correct5 = 0;
    for (let row = 0; row < count; row++) {
      const of = (values: Float32Array) => Array.from(values.subarray(row * classes, (row + 1) * classes));
      const [p, z, label] = [of(probabilities), of(logits), data.labels[row]!];
      const total = z.reduce((sum, value) => sum + Math.exp(value), 0);
      expect(Math.max(...p.map((value, k) => Math.abs(value - Math.exp(z[k]!) / total)))).toBeLessThan(1e-6);
      loss -= Math.log(p[label]!) / count;
      const rank = z.filter((value, k) => value > z[label]! || (value === z[label] && k < label)).length;
      if (rank === 0) correct++;
      if (rank < 5) correct5++;
    }
    const evaluation = await trainer.evaluate('test');
    expect(loss).toBeCloseTo(evaluation.loss, 5);
    expect([correct / count, correct5 / count]).toEqual([evaluation.accuracy, evaluation.top5]);
    // Seventeen images are a batch and one more. Plans of other batches may round differently.
    const distance = (got: Float32Array, want: Float32Array) =>
      got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i]!)), 0);
    const some = await trainer.predict(data.images.subarray(0, 17 * 32 * 32 * 3), { count: 17 });
    expect(some.logits.length).toBe(1700);
    expect(distance(some.logits, logits)).toBeLessThan(1e-4);
    const one = await trainer.predict(data.take(1));
    expect(one.probabilities.length).toBe(100);
    expect(distance(one.probabilities, probabilities)).toBeLessThan(1e-6);
    expect((await snapshot(trainer.state)).equals(before)).toBe(true);
    await expect(trainer.predict(new Uint8Array(100))).rejects.toThrow(/3072 bytes \(1 image of 32x32x3.*100/);
    await expect(trainer.predict(new Uint8Array(0))).rejects.toThrow(/3072 bytes/);
    // One image of 224x224 has as many bytes as 49 of 32x32.
    const large = new Uint8Array(224 * 224 * 3);
    await expect(trainer.predict(large)).rejects.toThrow(/3072 bytes .*option count says how many.*150528$/);
    await expect(trainer.predict(large, { count: 50 })).rejects.toThrow(/153600 bytes \(50 images of 32x32x3\)/);
    await expect(trainer.predict(data, { count: 3 })).rejects.toThrow(/50, or nothing, for count but received 3/);
    await expect(trainer.predict(null as never)).rejects.toThrow(/for images/);
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(trainer.predict(data, { signal: aborted })).rejects.toThrow('enough');
  });

  test('evaluates and predicts with the average of the weights where there is one', async () => {
    const averaged = small({ optimizer: new Sgd({ ema: { decay: 0.99 } }), learningRate: 0.05 });
    await collect(averaged, { steps: 7 });
    expect(averaged.averaged).toBe(true);
    const ofAverage = await averaged.evaluate('test');
    const { logits } = await averaged.predict(smallData().test);
    const values = await Promise.all(averaged.state.parameters.map((p) => averaged.state.read(p, 'averages')));
    const plain = small();
    expect(plain.averaged).toBe(false);
    await plain.evaluate('test');
    for (const [index, parameter] of plain.state.parameters.entries())
      await plain.state.write(parameter, values[index]!);
    expect(await plain.evaluate('test')).toEqual(ofAverage);
    expect((await plain.predict(smallData().test)).logits).toEqual(logits);
  });

  test('does nothing more once it is disposed of', async () => {
    const trainer = small();
    await collect(trainer, { steps: 1 });
    trainer.dispose();
    const { buffers } = loadAddon().counters();
    const disposed = { code: 'ERR_DISPOSED', message: expect.stringContaining('Trainer') };
    await expect(collect(trainer, { steps: 1 })).rejects.toMatchObject(disposed);
    await expect(trainer.evaluate('test')).rejects.toMatchObject(disposed);
    expect(loadAddon().counters().buffers).toBe(buffers);
  });
});
