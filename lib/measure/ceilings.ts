/** What this machine can do at most, measured with kernels of ours: what a step is held against. */
import { compile } from '../compile/compile';
import { Graph } from '../compile/graph';
import { conv2d } from '../ops/convolution';
import { copy } from '../ops/data';
import type { Device, Precision } from '../runtime/device';
import { input, type Tensor } from '../tensor/tensor';
import { median } from './median';
import { pattern } from './pattern';

export interface Ceilings {
  /** Of a 1x1 convolution, which is a matrix product, of a size at which memory does not count. */
  readonly gigaflopsPerSecond: number;
  /** What ran. */
  readonly implementation: string;
  /** Bytes read and bytes written, of a copy far larger than the caches. */
  readonly gigabytesPerSecond: number;
}

const warmUps = 2;

/** 17 GFLOP and 128 MB on a CPU; 16 times and 8 times as much on a GPU. */
function sizesOn({ backend }: Device, smoke: boolean) {
  if (smoke) return { batch: 1, channels: 32, elements: 4096 };
  const channels = 1024;
  return backend === 'cpu' ? { batch: 8, channels, elements: 2 ** 24 } : { batch: 128, channels, elements: 2 ** 27 };
}

export interface CeilingOptions {
  /** Default 7. */
  readonly rounds?: number;
  /** Tiny sizes: times mean nothing. Default false. */
  readonly smoke?: boolean;
}

/** Two measurements of a few hundred milliseconds each. */
export async function measureCeilings(
  device: Device,
  precision: Precision,
  { rounds = 7, smoke = false }: CeilingOptions = {},
): Promise<Ceilings> {
  const { batch, channels, elements } = sizesOn(device, smoke);
  const images = input('images', [batch, 32, 32, channels]);
  const weights = input('weights', [channels, 1, 1, channels], { image: false });
  const product = await measure(
    device,
    precision,
    conv2d(images, weights, { name: 'ceiling' }),
    { images: batch * 32 * 32 * channels, weights: channels * channels },
    rounds,
  );
  const moved = await measure(
    device,
    'f32',
    copy(input('x', [elements]), { name: 'ceiling' }),
    { x: elements },
    rounds,
  );
  return {
    gigaflopsPerSecond: product.flops / product.milliseconds / 1e6,
    implementation: product.implementation,
    gigabytesPerSecond: moved.bytes / moved.milliseconds / 1e6,
  };
}

/** The kernel called "ceiling", at its median. Inputs are resident, filled with small numbers. */
async function measure(
  device: Device,
  precision: Precision,
  output: Tensor,
  sizes: Readonly<Record<string, number>>,
  rounds: number,
) {
  const plan = await compile(Graph.from({ outputs: { output } }), { device, precision, passes: [] });
  const residents = Object.entries(sizes).map(([name, size]) => [name, device.upload(pattern(size, 0.5))] as const);
  try {
    const index = plan.kernels.findIndex(({ name }) => name === 'ceiling');
    const times: number[] = [];
    for (let round = 0; round < warmUps + rounds; round++) {
      const kernels = await plan.trace(Object.fromEntries(residents));
      if (round >= warmUps) times.push(kernels[index]?.milliseconds ?? Number.NaN);
    }
    const { flops = 0, bytes = 0, implementation = '' } = plan.kernels[index] ?? {};
    return { flops, bytes, implementation, milliseconds: median(times) };
  } finally {
    plan.dispose();
    for (const [, resident] of residents) resident.dispose();
  }
}
