/**
 * Every activation at the limits of its slope and of f32: values and derivatives against double precision, from x to y and from
 * there back to dx, on each instruction set of the CPU and on the emulated GPU.
 */
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../lib/compile/evaluate';
import { gradientFrom } from '../../lib/compile/gradient';
import { activate } from '../../lib/ops/activation';
import { activations } from '../../lib/ops/activations';
import type { NativeActivation } from '../../lib/ops/nativeActivations';
import { randomizedRelu } from '../../lib/ops/randomizedRelu';
import { type Device, openDevice } from '../../lib/runtime/device';
import { constant, type Tensor } from '../../lib/tensor/tensor';
import { isEmulated, useEmulatedGpu } from '../emulator/support';

const smallestNormal = 2 ** -126;
const positive = [0, 2 ** -149, 1e-40, smallestNormal, 1e-30, 1e-7, 0.5, 9, 88, 104, 3.4e38, Number.POSITIVE_INFINITY];
const xs = [...positive, ...positive.map((x) => -x), Number.NaN].map(Math.fround);
const smallSlopes = [0, 2 ** -149, 1e-39, smallestNormal, 1e-30, 2 ** -24, 2 ** -23].map(Math.fround);

/** rrelu with both bounds at a limit: its slopes are not random then. */
const randomAtLimits = [1e-6, 1].map((bound) => ({ kind: 'rrelu' as const, slope: Math.fround(bound), bound }));

const activationsAtLimits = Object.entries(activations).flatMap(([kind, { slope }]) =>
  (slope ? [...smallSlopes, slope.default, slope.maximum] : [0]).map((a) => ({
    kind: kind as NativeActivation,
    slope: a,
  })),
);

function open(isa: string, threads: number): Device | null {
  process.env.SATURNN_CPU_ISA = isa;
  try {
    return openDevice('cpu', { threads });
  } catch (error) {
    if (/SATURNN_CPU_ISA/.test((error as Error).message)) return null;
    throw error;
  } finally {
    delete process.env.SATURNN_CPU_ISA;
  }
}

if (isEmulated) useEmulatedGpu();
const devices: Readonly<Record<string, Device | null>> = {
  baseline: open('baseline', 1),
  avx2: open('avx2', 2),
  avx512: open('avx512', 3),
  'the emulated GPU': isEmulated ? openDevice('cuda') : null,
};

/** Whether `got` is within the rounding of a number of size `size`. NaN only equals NaN, an infinity only itself. */
function isNear(got: number, want: number, size: number): boolean {
  return Object.is(got, want) || got === want || Math.abs(got - want) <= 1e-6 * size + 1e-37;
}

/** Returns rrelu as in training, with this slope. */
const trained = (x: Tensor, bound: number) =>
  randomizedRelu(x, { lower: bound, upper: bound, counter: constant(Int32Array.of(1, 0)), name: 'rrelu' });

describe.each(Object.entries(devices))('%s', (name, device) => {
  if (!device) return test.skip(`NOT RUN: this machine has no ${name}`, () => {});
  test.each([...activationsAtLimits, ...randomAtLimits])('$kind with slope $slope', async (activation) => {
    const x = constant(Float32Array.from(xs));
    const y = 'bound' in activation ? trained(x, activation.bound) : activate(x, activation);
    const [dx] = gradientFrom(y, constant(new Float32Array(xs.length).fill(1)), [x]);
    const [values, slopes] = await evaluate([y, dx!], { device });
    const row = activations[activation.kind === 'rrelu' ? 'leakyRelu' : activation.kind];
    const curve = row.curve(activation.slope);
    const wrong = xs.flatMap((at, i) => {
      const [value, slope] = [values![i]!, slopes![i]!];
      if (!isNear(value, curve.value(at), Math.abs(curve.value(at)))) return [`f(${at}) = ${value}`];
      // NaN stays NaN. At a kink, and where a product of x underflows, the derivative may be that of either side.
      const near = Math.abs(at) < smallestNormal ? [-1e-30, 1e-30] : [at];
      const wanted = near.map((place) => (Number.isNaN(place) ? place : curve.slope(place)));
      return wanted.some((want) => isNear(slope, want, Math.max(1, activation.slope))) ? [] : [`f'(${at}) = ${slope}`];
    });
    expect(wrong).toEqual([]);
  });
});
