/** Training with bf16 images: close to f32 within a derived bound, the same in every run, and with f32 parameters. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { evaluate } from '../../lib/compile/evaluate';
import { tanh } from '../../lib/ops/activations';
import { augment } from '../../lib/ops/augmentation';
import { Sgd } from '../../lib/optim/sgd';
import { Device, type Precision } from '../../lib/runtime/device';
import type { NativeDevice } from '../../lib/runtime/native';
import { State } from '../../lib/tensor/state';
import { constant, input } from '../../lib/tensor/tensor';
import { trainGraph } from '../../lib/train/stepGraphs';
import { Trainer, type TrainerOptions } from '../../lib/train/trainer';
import { roundTo } from '../halves';
import { cpu, smallData, smallModel, snapshot } from './support';

const steps = 20;
const batch = 16;
const device = cpu();
const supported = device.precisions.includes('bf16');

/** Root mean square of the relative error of one rounding to 8 bits, which is uniform up to a maximum between 2^-9 and 2^-8. */
const rounding = 2 ** -8.5 / Math.sqrt(3);
/**
 * Length of the longest chain of convolutions in the small model. Each rounds its weights, and its result twice if it is
 * not fused.
 */
const depth = 10;
const forwardError = Math.sqrt(3 * depth) * rounding;
/** Number of standard deviations that the largest of many errors stays within. */
const deviations = 5;

interface Run {
  readonly losses: readonly number[];
  /** Change of each parameter over all steps. */
  readonly moved: Float64Array;
  readonly parameters: Float32Array;
  readonly snapshot: Buffer;
  /** Root mean square of the logits before the first step. */
  readonly logits: number;
}

/** Trains a small model with tanh, which has no kinks, so that small errors change derivatives only a little. */
async function train(precision: Precision): Promise<Run> {
  const model = smallModel({ activation: tanh() });
  const state = new State(model.parameters, { optimizerSlots: 1 });
  const { train: dataset } = smallData(steps * batch);
  const statistics = dataset.statistics();
  const images = [dataset.count, ...dataset.shape];
  const plan = await compile(trainGraph({ model, state, statistics, images, batch }, new Sgd()), {
    device,
    precision,
  });
  try {
    const read = async () => new Float32Array((await state.readArena('parameters')).slice().buffer);
    const augmented = {
      images: input('images', images, { dtype: 'u8' }),
      indices: constant(Int32Array.from({ length: batch }, (_, i) => i)),
      mean: constant(statistics.mean),
      inverseDeviation: constant(statistics.deviation.map((deviation) => 1 / deviation)),
    };
    const logits = await evaluate(model.forward(augment(augmented, { size: [28, 28] })), {
      device,
      inputs: { images: dataset.images },
    });
    const before = await read();
    const { outputs } = await plan.run(
      {
        images: dataset.images,
        indices: Int32Array.from({ length: steps * batch }, (_, i) => i),
        labels: Int32Array.from(dataset.labels),
        learningRate: Float32Array.of(0.01),
      },
      { steps },
    );
    const parameters = await read();
    return {
      losses: [...(outputs.loss ?? [])],
      moved: Float64Array.from(parameters, (value, i) => value - (before[i] ?? 0)),
      parameters,
      snapshot: await snapshot(state),
      logits: size(logits) / Math.sqrt(logits.length),
    };
  } finally {
    plan.dispose();
    state.dispose();
  }
}

const size = (vector: ArrayLike<number>): number =>
  Math.sqrt(Array.from(vector).reduce((sum, value) => sum + value * value, 0));

const first: { [P in Precision]?: Promise<Run> } = {};
const firstRun = (precision: Precision): Promise<Run> => {
  const run = first[precision] ?? train(precision);
  first[precision] = run;
  return run;
};

describe.runIf(supported)('bf16', () => {
  /**
   * The bound: a loss is the mean over the batch of log Σe^z - z[label]. The norm of its derivative by the logits z of an
   * image is at most √2. Errors of different images are not assumed to be independent. Logits are sums of features times
   * weights, so they have the relative errors of the features.
   */
  test('the losses of 20 steps are those of f32, up to the rounding of a forward pass', async () => {
    const [full, half] = [await firstRun('f32'), await firstRun('bf16')];
    const allowed = deviations * Math.SQRT2 * forwardError * full.logits;
    expect(full.losses.length).toBe(steps);
    expect(half.losses).not.toEqual(full.losses);
    const differences = half.losses.map((loss, i) => Math.abs(loss - (full.losses[i] ?? Number.NaN)));
    expect(Math.max(...differences)).toBeLessThan(allowed);
  });

  /**
   * The bound: a gradient is a sum of products of results of the forward and the backward pass, which have the same
   * depth. The terms partly cancel, which makes the relative error of the sum larger than theirs, but by less than the
   * factor `deviations`.
   */
  test('the parameters move as with f32, up to the rounding of a forward and a backward pass', async () => {
    const [full, half] = [await firstRun('f32'), await firstRun('bf16')];
    const difference = size(full.moved.map((value, i) => value - (half.moved[i] ?? Number.NaN)));
    expect(difference / size(full.moved)).toBeLessThan(deviations * Math.SQRT2 * forwardError);
  });

  test('two runs are equal, bit for bit', async () => {
    const [one, other] = [await firstRun('bf16'), await train('bf16')];
    expect(other.losses).toEqual(one.losses);
    expect(other.snapshot.equals(one.snapshot)).toBe(true);
  });

  test('parameters stay f32: updates that bf16 would lose are kept', async () => {
    const { parameters, moved } = await firstRun('bf16');
    const weights = [...parameters].filter((_, i) => moved[i] !== 0);
    expect(weights.length).toBeGreaterThan(10_000);
    const lost = weights.filter((weight) => roundTo('bf16', weight) !== weight).length;
    expect(lost / weights.length).toBeGreaterThan(0.99);
  });

  test('a Trainer learns few images by heart', async () => {
    const { train: few } = smallData(8, 8);
    using trainer = new Trainer({
      ...options(),
      train: few,
      test: few,
      batch: 8,
      learningRate: 0.1,
      precision: 'bf16',
    });
    const before = await trainer.evaluate('train');
    for await (const event of trainer.fit({ steps: 60 })) expect(event.event).toBeTypeOf('string');
    const { loss } = await trainer.evaluate('train');
    expect(loss).toBeLessThan(before.loss / 2);
  });
});

const options = (): TrainerOptions => ({ model: smallModel(), ...smallData(), device });

test('a Trainer refuses a precision at once: one that the device lacks, and one that is none', () => {
  const lacking = new Device('cpu', { info: '{"missingPrecisions":{"bf16":"needs more"}}', ops: {} } as NativeDevice);
  expect(() => new Trainer({ ...options(), device: lacking, precision: 'bf16' })).toThrow(
    expect.objectContaining({
      code: 'ERR_UNSUPPORTED',
      message: 'cpu computes in f32, not in bf16: bf16 needs more',
    }),
  );
  for (const precision of ['tf32', 'fp16'] as const) {
    expect(() => new Trainer({ ...options(), precision })).toThrow(
      expect.objectContaining({
        code: 'ERR_UNSUPPORTED',
        message: expect.stringMatching(`not in ${precision}: ${precision} needs a GPU$`),
      }),
    );
  }
  for (const precision of ['f16', 32, null]) {
    expect(() => new Trainer({ ...options(), precision: precision as Precision })).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(/^Expected f32, tf32, bf16 or fp16 for precision but received/),
      }),
    );
  }
});
