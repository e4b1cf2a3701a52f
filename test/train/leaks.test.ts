/**
 * Memory leaks: memory does not grow during training or as worker threads start and end, and objects that are not
 * disposed of are garbage-collected. Each test uses the compiled package in its own process. SATURNN_LEAKS=full starts 50
 * workers instead of 20. The long form is `npm run soak`.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { MemoryStats } from '../../lib/runtime/memoryStats';

interface Sample {
  readonly rssBytes: number;
  readonly heapTotalBytes: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
  readonly handles: MemoryStats['handles'];
  readonly descriptors: number;
  readonly threads: number;
  readonly resources: readonly string[];
}

interface Leaks {
  readonly before: Sample;
  readonly after: Sample;
  readonly memory: readonly MemoryStats[];
}

const full = process.env.SATURNN_LEAKS === 'full';

async function run(args: readonly (string | number)[], settings: NodeJS.ProcessEnv = {}): Promise<Leaks> {
  const file = join(__dirname, 'fixtures', 'leak.cjs');
  // With one malloc arena per thread, it would be random how much freed memory stays resident.
  const env = { ...process.env, MALLOC_ARENA_MAX: '1', ...settings };
  // V8's optimiser allocates and frees memory at unpredictable times.
  const flags = ['--expose-gc', '--no-opt'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, file, ...args.map(String)], { env });
  return JSON.parse(stdout) as Leaks;
}

/**
 * Checks that at most 2% more memory is resident than before, and that handles, files and threads have not become more.
 * Empty pages that V8 keeps for its heap are not a leak but take 1% each, so they are not counted; the used part of the
 * heap is checked instead.
 */
function expectFlat({ before, after }: Leaks): void {
  const emptyPages = Math.max(0, after.heapTotalBytes - before.heapTotalBytes);
  expect((after.rssBytes - emptyPages) / before.rssBytes).toBeLessThan(1.02);
  expect(after.heapUsedBytes - before.heapUsedBytes).toBeLessThan(0.02 * before.rssBytes);
  const { handles, descriptors, threads, resources } = before;
  expect(after).toMatchObject({ handles, descriptors, resources });
  expect(after.threads).toBeLessThanOrEqual(threads);
  // Memory outside V8's heap, which includes the arrays of the addon.
  expect(after.externalBytes - before.externalBytes).toBeLessThan(10_000);
}

test('1,000 steps with evaluations in between', { timeout: 240_000 }, async () => {
  // During the first few hundred steps V8 still compiles functions. Threads of so small a network would mostly wait.
  const leaks = await run(['steps', 2000, 1000], { OMP_NUM_THREADS: '1' });
  expect(leaks.before.handles).toMatchObject({ devices: 1, states: 1, plans: 2, buffers: 2 });
  expectFlat(leaks);
});

test('worker threads that train, and end by themselves or in the middle of a step', { timeout: 240_000 }, async () => {
  const leaks = await run(['workers', full ? 50 : 20, 10]);
  expect(leaks.before.handles).toMatchObject({ devices: 0, states: 0, plans: 0, buffers: 0, bytes: 0 });
  expectFlat(leaks);
});

test('objects that are not disposed of are garbage-collected, with their memory on the device', async () => {
  const { before, after, memory } = await run(['garbage']);
  const [used, freed] = memory;
  const [device] = used!.devices;
  expect(used!.handles).toMatchObject({ states: 1, plans: 2, buffers: 3 });
  // The bytes reported to the garbage collector are those on the device.
  expect(used!.handles.bytes).toBe(device!.bytes);
  expect(freed!.handles).toEqual({ devices: 1, states: 0, plans: 0, buffers: 0, bytes: 0 });
  expect(freed!.devices[0]).toMatchObject({ states: 0, plans: 0, buffers: 0, bytes: 0, peakBytes: device!.peakBytes });
  expect(after.descriptors).toBe(before.descriptors);
});
