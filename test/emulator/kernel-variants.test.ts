/**
 * Compares with the CPU backend the variants of CUDA kernels that no plan uses, or only a large one: batch normalisation,
 * dropout, randomized relu and moments of bf16 and f16 images, slices and arenas at any address, long sums.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emulatedFolder, isEmulated, notEmulated } from './support';

describe.skipIf(!isEmulated)(isEmulated ? "kernels' variants on the emulated GPU" : notEmulated, () => {
  it.each(['forward', '7'])('give what the CPU gives, threads in the order %s', { timeout: 120_000 }, (order) => {
    const libraries = ['libsaturnn_cuda.so', 'libsaturnn_cpu.so'].map((name) => join(emulatedFolder, name));
    const { status, stdout, stderr } = spawnSync(join(emulatedFolder, 'kernel_variants'), libraries, {
      encoding: 'utf8',
      env: { SATURNN_EMULATOR_ORDER: order, CUDNN_PATH: emulatedFolder },
    });
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
    expect(Number.parseInt(stdout, 10)).toBeGreaterThan(10_000_000);
  });
});
