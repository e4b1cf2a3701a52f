/** Training with bf16 images: near to f32 by a bound that is derived, the same in every run, and with f32 parameters. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { evaluate } from '../../lib/compile/evaluate';
import { tanh } from '../../lib/ops/activations';
import { augment } from '../../lib/ops/data';
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

/** Root mean square of the relative error of one rounding to 8 bits: evenly spread up to 2^-9 to 2^-8. */
const rounding = 2 ** -8.5 / Math.sqrt(3);
/** Convolutions one behind the other in the small model. Each rounds its weights and, twice unless it is fused, its result. */
const depth = 10;
const forwardError = Math.sqrt(3 * depth) * rounding;
/** Far enough for the largest of many numbers. */
const deviations = 5;

interface Run {
  readonly losses: readonly number[];
  /** How far each parameter moved. */
  readonly moved: Float64Array;
  readonly parameters: Float32Array;
  readonly snapshot: Buffer;
  /** Root mean square of the logits before the first step. */
  readonly logits: number;
}

/** Tanh has no kink: a derivative changes as little as its argument. */
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
      counter: state.counter,
      mean: constant(statistics.mean),
      inverseDeviation: constant(statistics.deviation.map((deviation) => 1 / deviation)),
    };
    const logits = await evaluate(model.forward(augment(augmented, { size: [28, 28], random: false })), {
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
   * A loss is the mean over the batch of log Σe^z - z[label], whose derivative by one image's logits is no longer than √2;
   * that the errors of the images are independent is not counted on. Logits are sums of features times weights, and have
   * the features' relative errors.
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
   * A gradient is a sum of products of what the forward and the backward pass give, and a backward pass is as deep. The
   * terms partly cancel, so that the sum is relatively less exact than they are; by less than the factor `deviations`.
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
        message: expect.stringMatching(/^Expected f32 or tf32 or bf16 or fp16 for precision but received/),
      }),
    );
  }
});
