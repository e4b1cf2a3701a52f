/** The pass for precision 'bf16': which tensors become bf16, where copies convert, and which graphs are refused. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { evaluate } from '../../lib/compile/evaluate';
import { gradient } from '../../lib/compile/gradient';
import { Graph } from '../../lib/compile/graph';
import { optimize } from '../../lib/compile/optimize';
import { halveImages } from '../../lib/compile/passes/halveImages';
import { activate, activationOp } from '../../lib/ops/activation';
import { leakyTanh, relu } from '../../lib/ops/activations';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d } from '../../lib/ops/convolution';
import { copy } from '../../lib/ops/data';
import { linear } from '../../lib/ops/linear';
import { globalAveragePool, maxPool } from '../../lib/ops/pooling';
import { Device, openDevice, type Precision } from '../../lib/runtime/device';
import type { NativeDevice } from '../../lib/runtime/native';
import { apply, input, type Tensor } from '../../lib/tensor/tensor';
import { roundTo } from '../halves';
import { isSource } from '../reference/interpret';

const image = (name = 'x', channels = 16) => input(name, [2, 4, 4, channels]);
const plain = (name: string, shape: number[]) => input(name, shape, { image: false });

/**
 * Describes nodes by the dtypes of their operands, e.g. "conv2d: bf16 f32 f32 -> bf16", with brackets around those that
 * are not images.
 */
function describeNodes(graph: Graph): string[] {
  const show = (tensor: Tensor | null) => (tensor ? (tensor.image ? tensor.dtype : `(${tensor.dtype})`) : '-');
  return graph.nodes
    .filter((node) => !isSource(node))
    .map(({ op, inputs, outputs }) => `${op.name}: ${inputs.map(show).join(' ')} -> ${outputs.map(show).join(' ')}`);
}

const halved = (outputs: Record<string, Tensor>) => describeNodes(halveImages(Graph.from({ outputs }), 'bf16'));

describe('halveImages', () => {
  test('makes images bf16, and leaves weights, their gradients, logits and loss f32', () => {
    const weight = plain('w', [16, 3, 3, 16]);
    const bias = plain('b', [16]);
    const hidden = activate(conv2d(image(), weight, { bias, padding: 1 }), leakyTanh());
    const pooled = maxPool(activate(conv2d(hidden, weight, { bias, padding: 1 }), relu()), { kernel: 3, stride: 2 });
    const logits = linear(globalAveragePool(pooled), plain('head', [5, 16]));
    const { loss } = softmaxCrossEntropy(logits, input('labels', [2], { dtype: 'i32' }));
    const [dw, db] = gradient(loss, [weight, bias]) as [Tensor, Tensor];
    expect(halved({ loss, dw, db })).toEqual([
      'copy: f32 -> bf16',
      'conv2d: bf16 (f32) (f32) -> bf16',
      'activation: bf16 - -> bf16',
      'conv2d: bf16 (f32) (f32) -> bf16',
      'activation: bf16 - -> bf16',
      'maxPool: bf16 -> bf16 u8',
      'globalAveragePool: bf16 -> (f32)',
      'linear: (f32) (f32) - -> (f32)',
      'softmaxCrossEntropy: (f32) (i32) - - -> (f32) (f32)',
      'softmaxCrossEntropyGradient: (f32) (i32) (f32) - - -> (f32)',
      'linearDgrad: (f32) (f32) -> (f32)',
      'globalAveragePoolGradient: (f32) -> bf16',
      'maxPoolGradient: bf16 u8 -> bf16',
      'activationGradient: bf16 bf16 -> bf16 (f32)',
      'conv2dDgrad: bf16 (f32) -> bf16',
      'conv2dWgrad: bf16 bf16 -> (f32) (f32)',
      'activationGradient: bf16 bf16 -> bf16 (f32)',
      'conv2dWgrad: bf16 bf16 -> (f32) (f32)',
      'add: (f32) (f32) -> (f32)',
      'add: (f32) (f32) -> (f32)',
    ]);
  });

  test('converts once what several read, and what leaves the graph', () => {
    const x = image();
    const y = activate(x, relu());
    expect(halved({ x, y, again: y, z: activate(x, leakyTanh()) })).toEqual([
      'copy: f32 -> bf16',
      'activation: bf16 - -> bf16',
      'copy: bf16 -> f32',
      'activation: bf16 - -> bf16',
      'copy: bf16 -> f32',
    ]);
  });

  test('a copy that makes an image, or takes one apart, converts by itself', () => {
    const x = copy(plain('x', [1, 2, 2, 3]), { image: true });
    expect(halved({ y: copy(activate(x, relu()), { image: false }) })).toEqual([
      'copy: (f32) -> bf16',
      'activation: bf16 - -> bf16',
      'copy: bf16 -> (f32)',
    ]);
  });

  test('an op whose kernels know only f32 keeps it, between copies', () => {
    const { halfImages: _, ...f32Only } = { ...activationOp, name: 'f32Only' };
    const [y] = apply(f32Only, [activate(image(), relu()), null], { kind: 4, slope: 0 }) as [Tensor];
    expect(halved({ y: activate(y, relu()), direct: y })).toEqual([
      'copy: f32 -> bf16',
      'activation: bf16 - -> bf16',
      'copy: bf16 -> f32',
      'f32Only: f32 - -> f32',
      'copy: f32 -> bf16',
      'activation: bf16 - -> bf16',
      'copy: bf16 -> f32',
    ]);
  });

  test('refuses a graph whose memory is decided already', () => {
    const y = activate(activate(image(), relu()), relu());
    const optimized = optimize(Graph.from({ outputs: { y } }));
    expect(() => halveImages(optimized, 'bf16')).toThrow(
      expect.objectContaining({
        code: 'ERR_GRAPH',
        message: expect.stringContaining('before passes that decide about memory'),
      }),
    );
  });
});

const device = openDevice('cpu');
const graph = () => Graph.from({ outputs: { y: activate(image(), relu()) } });

describe.runIf(device.precisions.includes('bf16'))('on the CPU', () => {
  const values = Float32Array.from({ length: 512 }, (_, i) => (i % 2 ? 1 : -1) * Math.exp(i / 6 - 40) * (1 + i / 700));

  test('borders stay f32: values come back rounded to bf16', async () => {
    const plan = await compile(graph(), { device, precision: 'bf16' });
    const { outputs } = await plan.run({ x: values });
    plan.dispose();
    expect(outputs.y).toBeInstanceOf(Float32Array);
    expect([...(outputs.y as Float32Array)]).toEqual(
      [...values].map((value) => (value > 0 ? roundTo('bf16', value) : 0)),
    );
  });

  test('rounds every kind of number as bf16 says: ties to even, NaN to NaN, too large to infinity', async () => {
    const bits = (patterns: number[]) => new Float32Array(Uint32Array.from(patterns).buffer);
    const special = bits([
      0x3f808000, 0x3f818000, 0x3f808001, 0xbf807fff, 0x7f7fffff, 0xff7f8000, 0x7f7f7fff, 0x00000001, 0x00008000,
      0x80018000, 0x7f800001, 0xffffffff, 0x7f800000, 0xff800000, 0x80000000, 0x00000000,
    ]);
    const x = input('x', [1, 1, 16, 1]);
    const [through] = await evaluate([copy(x)], { device, precision: 'bf16', inputs: { x: special } });
    expect([...(through as Float32Array)]).toEqual([...special].map((value) => roundTo('bf16', value)));
    expect(Number.isNaN(through?.[10])).toBe(true);
    expect(through?.[4]).toBe(Number.POSITIVE_INFINITY);
  });

  test('evaluate() computes in the precision that it is told, and does not mix its plans up', async () => {
    const sum = globalAveragePool(image());
    const inputs = { x: values };
    const [full, half, again] = [
      await evaluate(sum, { device, inputs }),
      await evaluate(sum, { device, inputs, precision: 'bf16' }),
      await evaluate(sum, { device, inputs }),
    ];
    expect(again).toEqual(full);
    expect(half).not.toEqual(full);
  });

  test('needs about half of the memory', async () => {
    const network = () => {
      let y = input('x', [4, 28, 28, 64]);
      const layers = Array.from({ length: 6 }, (_, i) => plain(`w${i}`, [64, 1, 1, 64]));
      for (const weight of layers) y = activate(conv2d(y, weight), leakyTanh());
      const { loss } = softmaxCrossEntropy(globalAveragePool(y), input('labels', [4], { dtype: 'i32' }));
      return Graph.from({ outputs: { loss, dw: gradient(loss, layers)[0] as Tensor } });
    };
    const arenaBytes = async (precision: Precision) => {
      using plan = await compile(network(), { device, precision });
      return plan.arenaBytes;
    };
    expect((await arenaBytes('bf16')) / (await arenaBytes('f32'))).toBeLessThan(0.6);
  });
});

describe('a precision that is not there', () => {
  test('is refused by name, with what the device needs for it', async () => {
    const info = JSON.stringify({ precisions: ['f32'], missingPrecisions: { bf16: 'needs a newer processor' } });
    const older = new Device('cpu', { info, ops: {} } as NativeDevice);
    await expect(compile(graph(), { device: older, precision: 'bf16' })).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED',
      message: 'cpu computes in f32, not in bf16: bf16 needs a newer processor',
    });
    const silent = new Device('cuda:0', { info: '{}', ops: {} } as NativeDevice);
    expect(silent.precisions).toEqual(['f32']);
    await expect(evaluate(image(), { device: silent, precision: 'bf16' })).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED',
      message: 'cuda:0 computes in f32, not in bf16',
    });
  });

  test('and an unknown one is an invalid argument', async () => {
    for (const precision of ['tf16', 'f16', 'BF16', 16, null]) {
      await expect(compile(graph(), { device, precision: precision as Precision })).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(/^Expected f32, tf32, bf16 or fp16 for precision but received/),
      });
    }
    expect(() => input('x', [1, 2, 2, 3], { dtype: 'bf16' as 'f32' })).toThrow(/f32, i32 or u8.*"bf16"/);
  });
});
