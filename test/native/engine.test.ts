/** Lifetimes: the engine's queue, disposal in any order, workers, and processes that end during a step. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadAddon } from '../../lib/runtime/addon';
import { binaryPath } from '../../lib/runtime/locate';
import type { NativeDevice } from '../../lib/runtime/native';
import { alive, Fakes, open, plan, slowPlan, tensor, until, value } from './support';

const fakes = new Fakes();
const nothing = { devices: 0, kernels: 0, graphs: 0, bytes: 0 };
const bytes = { parameters: 1024, optimizer: 0, gradients: 64, buffers: 8 };
let library: string;
beforeAll(() => {
  library = fakes.backend();
});
afterAll(() => fakes.remove());

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function withDevice(body: (device: NativeDevice) => Promise<void>): Promise<void> {
  const device = open(library);
  await body(device);
  device.dispose();
  await until(() => alive(library).devices === 0);
  expect(alive(library)).toEqual(nothing);
}

test('the main thread is free while kernels run', () =>
  withDevice(async (device) => {
    const compiled = await device.compile(slowPlan(50, 10), null);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    await compiled.run([value(1, 2, 3, 4)], 1);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(20);
  }));

test('what was queued first happens first', () =>
  withDevice(async (device) => {
    const state = device.createState(bytes);
    const compiled = await device.compile(slowPlan(5, 2), state);
    const order: string[] = [];
    const note = (name: string) => () => order.push(name);
    await Promise.all([
      compiled.run([value(1, 2, 3, 4)], 3).then(note('run')),
      state.write('parameters', 0, new Float32Array([1])).then(note('write')),
      compiled.trace([value(1, 2, 3, 4)], false, false).then(note('trace')),
      state.read('parameters', 0, 4).then(note('read')),
    ]);
    expect(order).toEqual(['run', 'write', 'trace', 'read']);
  }));

test('dispose() waits for the run in flight, and for those queued before it', () =>
  withDevice(async (device) => {
    const before = { devices: 1, states: 0, plans: 0, buffers: 0 };
    // The tests before leave objects to the garbage collector.
    await until(() => {
      collectGarbage();
      const { bytes: _, ...counts } = loadAddon().counters();
      return isDeepStrictEqual(counts, before);
    });
    const { bytes: bytesBefore } = loadAddon().counters();
    const state = device.createState(bytes);
    const resident = device.upload(new Float32Array([4, 3, 2, 1]));
    const compiled = await device.compile(slowPlan(20, 3), state);
    const runs = [compiled.run([value(1, 2, 3, 4)], 2), compiled.run([{ data: resident, perStep: false }], 1)];
    for (const it of [resident, state, compiled, compiled, resident, state]) it.dispose();
    expect(loadAddon().counters()).toEqual({ ...before, bytes: bytesBefore });
    expect((await runs[0]!).steps).toBe(2);
    expect(Array.from((await runs[1]!).outputs[0]!)).toEqual([4, 3, 2, 1]);
    await until(() => alive(library).kernels === 0);
    expect(alive(library).bytes).toBe(0);
    expect(compiled.kernels).toHaveLength(3);
  }));

test('a device that is disposed first finishes what is queued, and frees all that lives on it', async () => {
  const device = open(library);
  const state = device.createState(bytes);
  device.upload(new Uint8Array(100));
  const compiled = await device.compile(slowPlan(10, 3), state);
  const running = compiled.run([value(1, 2, 3, 4)], 2);
  device.dispose();
  device.dispose();
  expect((await running).steps).toBe(2);
  await until(() => alive(library).devices === 0);
  expect(alive(library)).toEqual(nothing);
  await expect(compiled.run([value(1, 2, 3, 4)], 1)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  for (const it of [compiled, state]) it.dispose();
});

test('garbage collection frees what nobody disposed, the device last', async () => {
  await (async () => {
    const device = open(library);
    const compiled = await device.compile(slowPlan(1, 2), device.createState(bytes));
    await compiled.run([{ data: device.upload(new Float32Array(4)), perStep: false }], 1);
  })();
  await until(() => {
    collectGarbage();
    return alive(library).devices === 0;
  });
  expect(alive(library)).toEqual(nothing);
  expect(loadAddon().counters()).toEqual({ devices: 0, states: 0, plans: 0, buffers: 0, bytes: 0 });
});

test('many devices, each with its own queue', async () => {
  const devices = Array.from({ length: 6 }, () => open(library));
  const plans = await Promise.all(devices.map((device) => device.compile(slowPlan(30, 3), null)));
  const start = Date.now();
  await Promise.all(plans.map((it) => it.run([value(1, 2, 3, 4)], 1)));
  expect(Date.now() - start).toBeLessThan(6 * 90);
  for (const it of devices) it.dispose();
  await until(() => alive(library).devices === 0);
});

test('an error in the middle of a run rejects it, and the device goes on', () =>
  withDevice(async (device) => {
    const broken = slowPlan(1, 2);
    broken.nodes[1] = { ...broken.nodes[1]!, op: 'refuse', attributes: new Uint8Array(), name: 'conv 7' };
    const bad = await device.compile(broken, null);
    await expect(bad.run([value(1, 2, 3, 4)], 1)).rejects.toMatchObject({
      code: 'ERR_FAKE_LAUNCH',
      message: 'the launch was refused (conv 7)',
    });
    const good = await device.compile(plan([tensor()], [], [0], [0]), null);
    expect(Array.from((await good.run([value(1, 2, 3, 4)], 1)).outputs[0]!)).toEqual([1, 2, 3, 4]);
  }));

/** Writes a script that starts a thousand steps of 50 kernels of 40 ms each, and then executes `body`. */
function script(name: string, body: string): string {
  const path = join(fakes.folder, name);
  const setUp = `
    const addon = require(${JSON.stringify(binaryPath('saturnn.node'))});
    const options = { libraryPath: ${JSON.stringify(library)}, index: 0, threads: 1, searchPaths: [] };
    const bytes = ${JSON.stringify(bytes)};
    const description = ${JSON.stringify(slowPlan(40, 50))};
    for (const node of description.nodes) node.attributes = Uint8Array.from(Object.values(node.attributes));
    (async () => {
      const device = addon.openDevice(options);
      const state = device.createState(bytes);
      const plan = await device.compile(description, state);
      const run = (steps) => plan.run([{ data: new Float32Array(4), perStep: false }], steps);
      ${body}
    })();`;
  writeFileSync(path, setUp);
  return path;
}

async function runScript(path: string): Promise<{ code: number; signal: string | null; output: string; ms: number }> {
  const start = Date.now();
  const done = (code: number, signal: string | null, output: string) => ({
    code,
    signal,
    output,
    ms: Date.now() - start,
  });
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [path], { timeout: 60_000 });
    return done(0, null, stdout + stderr);
  } catch (error) {
    const { code, signal, stdout, stderr } = error as { code: number; signal: string; stdout: string; stderr: string };
    return done(code, signal, stdout + stderr);
  }
}

test('process.exit() in the middle of a step', async () => {
  const path = script('exit.js', `run(1000); run(1000); setTimeout(() => process.exit(3), 60);`);
  const { code, signal, output, ms } = await runScript(path);
  expect({ code, signal, output }).toEqual({ code: 3, signal: null, output: '' });
  expect(ms).toBeLessThan(10_000);
});

test('an uncaught exception in the middle of a step', async () => {
  const path = script('throw.js', `run(1000); setTimeout(() => { throw new Error('oops'); }, 60);`);
  const { code, signal, output } = await runScript(path);
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(output).toContain('Error: oops');
});

test.each([
  ['process.reallyExit()', 'process.reallyExit(3)', 3],
  ['process.exit() without listeners', `process.removeAllListeners('exit'); process.exit(3)`, 3],
  ['an exception without listeners', `process.removeAllListeners('exit'); throw new Error('oops')`, 1],
  ['process.exit() in a listener', `process.prependListener('exit', () => process.reallyExit(3)); process.exit(4)`, 3],
])('%s, which runs no code of ours, in the middle of a step', async (name, how, expected) => {
  const path = script(`${name.replace(/\W/g, '')}.js`, `run(1000); run(1000); setTimeout(() => { ${how}; }, 60);`);
  const { code, signal } = await runScript(path);
  // The fake backend aborts if its static objects are destroyed while its device is open.
  expect({ code, signal }).toEqual({ code: expected, signal: null });
});

test('process.exit() while the first job makes static objects, as oneDNN does', async () => {
  const path = script(
    'late.js',
    `const [first, ...others] = description.nodes;
     device.compile({ ...description, nodes: [{ ...first, op: 'late', attributes: new Uint8Array() }, ...others] }, null);
     setTimeout(() => process.exit(3), 100);`,
  );
  expect(await runScript(path)).toMatchObject({ code: 3, signal: null, output: '' });
});

test('Node ends by itself when no promise is pending, with everything left open', async () => {
  const path = script('idle.js', `plan.dispose(); await state.read('parameters', 0, 4); console.log('done');`);
  const { code, output, ms } = await runScript(path);
  expect({ code, output }).toEqual({ code: 0, output: 'done\n' });
  expect(ms).toBeLessThan(10_000);
});

test('a pending run keeps Node alive until it resolves', async () => {
  const path = script(
    'pending.js',
    `run(1).then(({ steps }) => console.log(steps)); plan.dispose(); device.dispose();`,
  );
  expect(await runScript(path)).toMatchObject({ code: 0, output: '1\n' });
});

const inWorker = `require('node:worker_threads').parentPort.postMessage('running');`;

test('a worker that is terminated in the middle of a step', async () => {
  const path = script('worker.js', `run(1000); run(1000); setTimeout(() => { ${inWorker} }, 60);`);
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(path);
    await new Promise((resolve) => worker.once('message', resolve));
    expect(alive(library).devices).toBe(1);
    expect(await worker.terminate()).toBe(1);
    expect(alive(library)).toEqual(nothing);
  }
});

test('a worker that exits in the middle of a step, and one that finishes', async () => {
  const exits = script('exits.js', `run(1000); setTimeout(() => process.exit(5), 60);`);
  const ends = script('ends.js', `${inWorker} await run(1);`);
  const codes = [exits, ends].map((path) => new Promise((resolve) => new Worker(path).once('exit', resolve)));
  expect(await Promise.all(codes)).toEqual([5, 0]);
  expect(alive(library)).toEqual(nothing);
});

test('process.exit() while a worker is in the middle of a step', async () => {
  const worker = script('inner.js', `run(1000); setTimeout(() => { ${inWorker} }, 60);`);
  const path = join(fakes.folder, 'outer.js');
  const create = `new (require('node:worker_threads').Worker)(${JSON.stringify(worker)})`;
  writeFileSync(path, `${create}.once('message', () => process.exit(4));`);
  expect(await runScript(path)).toMatchObject({ code: 4, signal: null, output: '' });
});
