/** memoryStats() counts memory on a device exactly, and `using` and dispose() free all of it. */
import { expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { add } from '../../lib/ops/channels';
import { loadAddon } from '../../lib/runtime/addon';
import { type Device, openDevice } from '../../lib/runtime/device';
import { memoryStats } from '../../lib/runtime/memoryStats';
import { State } from '../../lib/tensor/state';
import { constant, input, Parameter } from '../../lib/tensor/tensor';
import { until } from '../native/support';

/** Opens a device that no other test uses: none has the same number of threads. */
const open = () => openDevice('cpu', { threads: 3 });
const nothing = { states: 0, plans: 0, buffers: 0, stateBytes: 0, arenaBytes: 0, constantBytes: 0, inputBytes: 0 };

function statsOf(device: Device) {
  const stats = memoryStats().devices[memoryStats().devices.length - 1];
  expect(stats).toMatchObject({ device: 'cpu', ...device.native.memory });
  return stats!;
}

const zeros = (shape: number[]) =>
  new Parameter({ name: 'w', shape, decay: true, initialize: () => new Float32Array(shape[0]!) });

test('every kind of memory is counted, and taken back when `using` ends', async () => {
  const before = memoryStats().handles;
  using device = open();
  const external = loadAddon().externalBytes();
  let inside = 0;
  let held = 0;
  expect(statsOf(device)).toMatchObject({ ...nothing, bytes: 0, peakBytes: 0 });
  {
    const w = zeros([1000]);
    using _ = new State([w], { optimizerSlots: 2 });
    const sum = add(add(w, input('x', [1000])), constant(new Float32Array(1000)));
    using plan = await compile(Graph.from({ outputs: { sum } }), { device, passes: [] });
    using resident = device.upload(new Float32Array(5000));
    await plan.run({ x: new Float32Array(1000) });
    const stats = statsOf(device);
    // Parameters are aligned to 64 bytes; the counter takes 64 bytes of the buffers.
    expect(stats.stateBytes).toBe(4 * (1008 + 2 * 1008 + 1008) + 64);
    expect(stats.arenaBytes).toBe(plan.arenaBytes);
    // Constants of a plan are aligned to 256 bytes.
    expect(stats).toMatchObject({ states: 1, plans: 1, buffers: 1, constantBytes: 4096, inputBytes: 4000 });
    expect(stats.bufferBytes).toBe(resident.byteLength);
    expect(stats.bytes).toBe(stats.stateBytes + plan.arenaBytes + 4096 + 4000 + 20000);
    const { handles } = memoryStats();
    expect(handles.bytes - before.bytes).toBe(stats.bytes);
    expect(handles.plans - before.plans).toBe(1);
    // Small arrays of this test are also counted, and may be freed at any time.
    inside = loadAddon().externalBytes();
    held = stats.bytes;
    expect(inside - external).toBeGreaterThanOrEqual(0.9 * held);
  }
  await until(() => device.native.memory.bytes === 0);
  const stats = statsOf(device);
  expect(stats).toMatchObject({ ...nothing, bufferBytes: 0, bytes: 0 });
  expect(stats.peakBytes).toBeGreaterThan(20000);
  expect(memoryStats().handles).toEqual({ ...before, devices: before.devices + 1 });
  expect(inside - loadAddon().externalBytes()).toBeGreaterThanOrEqual(0.9 * held);
});

test('disposing of a device frees everything on it; what is disposed of later is not freed twice', async () => {
  const before = memoryStats().handles;
  const device = open();
  const resident = device.upload(new Float32Array(5000));
  const twice = device.upload(new Float32Array(5000));
  twice.dispose();
  twice.dispose();
  await until(() => device.native.memory.bytes === 20000);
  device.dispose();
  expect(memoryStats().devices.every(({ peakBytes }) => peakBytes !== 40000)).toBe(true);
  await until(() => device.native.memory.bytes === 0);
  expect(device.native.memory).toMatchObject({ buffers: 0, bytes: 0, peakBytes: 40000 });
  resident.dispose();
  expect(memoryStats().handles).toEqual(before);
});

test('the process is measured too', () => {
  const { rssBytes, peakRssBytes } = memoryStats();
  expect(rssBytes).toBeGreaterThan(10e6);
  expect(peakRssBytes).toBeGreaterThanOrEqual(0.9 * rssBytes);
});
