/**
 * Checks that denormal numbers still work after the backends were loaded. A library compiled or linked with -ffast-math
 * disables them in the thread that loads it and in threads that this thread starts; JavaScript would then read 5e-324 as
 * 0. Vitest runs this file in its own process.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { evaluate } from '../../lib/compile/evaluate';
import { activate } from '../../lib/ops/activation';
import { leakyRelu, relu } from '../../lib/ops/activations';
import { add } from '../../lib/ops/channels';
import { conv2d } from '../../lib/ops/convolution';
import { backendNames, openDevice, probeBackend } from '../../lib/runtime/device';
import { input, type Tensor } from '../../lib/tensor/tensor';

/** Two denormal numbers and a factor, in an array, so that no compiler can compute the results in advance. */
const smallest = Float64Array.of(5e-324, 2.5, 1e-310);
const denormal = 1e-40;

function denormalsLive(): boolean {
  const [tiny = 0, factor = 0, small = 0] = smallest;
  return tiny > 0 && tiny * factor === 1e-323 && small / 2 > 0 && small / 2 === 5e-311;
}

/** Loads the library of each backend, as far as this host can. @returns the outcome by the backend's name */
function loadBackends(): Record<string, string> {
  return Object.fromEntries(
    backendNames.map((name) => {
      try {
        probeBackend(name);
        return [name, 'loaded'];
      } catch (error) {
        return [name, `NOT RUN: ${(error as Error).message}`];
      }
    }),
  );
}

test('denormal numbers live after both backends are loaded and have run', async ({ annotate }) => {
  expect(denormalsLive()).toBe(true);
  const loaded = loadBackends();
  expect(loaded.cpu).toBe('loaded');
  await annotate(`libraries: ${JSON.stringify(loaded)}`);
  const device = openDevice('cpu');
  const x = input('x', [1, 4, 4, 16]);
  const y = conv2d(x, input('w', [16, 3, 3, 16], { image: false }), { padding: 1 });
  await evaluate(activate(y, leakyRelu()), {
    device,
    inputs: { x: new Float32Array(256).fill(1), w: new Float32Array(2304).fill(1) },
  });
  expect(denormalsLive()).toBe(true);

  const worker = new Worker(
    'require("node:worker_threads").parentPort.postMessage(Float64Array.of(1e-310)[0] / 2 > 0)',
    {
      eval: true,
    },
  );
  expect(await once(worker, 'message')).toEqual([true]);
});

test('the CPU kernels do not flush them', async () => {
  const device = openDevice('cpu');
  const image = new Float32Array(2 * 16).fill(denormal);
  const x = input('x', [1, 2, 1, 16]);
  const expected = (factor: number) => new Float32Array(2 * 16).fill(Math.fround(Math.fround(denormal) * factor));
  const run = (y: Tensor) => evaluate(y, { device, inputs: { x: image } });
  expect(await run(activate(x, relu()))).toEqual(expected(1));
  expect(await run(activate(x, leakyRelu(1)))).toEqual(expected(1));
  expect(await run(add(x, x, x))).toEqual(expected(3));
});
