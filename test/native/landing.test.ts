/** Uploads that run beside the device's work: what a run is given, in which order, memory, and ends at any moment. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDevice } from '../../lib/runtime/device';
import { binaryPath } from '../../lib/runtime/locate';
import type { NativeDevice, NativeLanding, NativePlan } from '../../lib/runtime/native';
import { alive, Fakes, node, open, plan, slowPlan, tensor, until, value } from './support';

const fakes = new Fakes();
let library: string;
let device: NativeDevice;
beforeAll(() => {
  library = fakes.backend();
  device = open(library);
});
afterAll(async () => {
  device.dispose();
  await until(() => alive(library).devices === 0);
  expect(alive(library)).toEqual({ devices: 0, kernels: 0, graphs: 0, bytes: 0 });
  fakes.remove();
});

/** Describes a plan that adds its two inputs. */
const adding = (replay: boolean) =>
  plan([tensor(), tensor(), tensor()], [node('add', [0, 1], [2])], [0, 1], [2], { replay });

const floats = (...values: number[]) => new Float32Array(values);
/** Returns `steps` steps of four values each: 10 * step + seed. */
const series = (steps: number, seed: number) =>
  Float32Array.from({ length: 4 * steps }, (_, i) => 10 * (i >> 2) + seed);

async function sums(compiled: NativePlan, landing: NativeLanding, steps: number, byteOffset = 0): Promise<number[]> {
  const inputs = [{ data: landing, perStep: true, byteOffset }, value(1, 1, 1, 1)];
  const { outputs } = await compiled.run(inputs, steps);
  return Array.from(outputs[0]!).filter((_, i) => i % 4 === 0);
}

test.each([false, true])('two landings in turn: each run has its own values (replay: %s)', async (replay) => {
  const compiled = await device.compile(adding(replay), null);
  const landings = [await device.createLanding(64), await device.createLanding(64)] as const;
  await landings[0].upload(series(4, 0));
  for (let call = 0; call < 5; call++) {
    const [now, next] = call % 2 === 0 ? landings : [landings[1], landings[0]];
    const running = sums(compiled, now, 4);
    const data = series(4, call + 1);
    await next.upload(data);
    data.fill(-1); // it was copied
    expect(await running).toEqual([1, 11, 21, 31].map((sum) => sum + call));
  }
  for (const it of [...landings, compiled]) it.dispose();
});

test('the upload of the next call does not wait for the run under way', async () => {
  const compiled = await device.compile(slowPlan(20, 5), null);
  const landing = await device.createLanding(16);
  const order: string[] = [];
  const running = compiled.run([value(1, 2, 3, 4)], 2).then(() => order.push('run'));
  await landing.upload(floats(1, 2, 3, 4)).then(() => order.push('upload'));
  await running;
  expect(order).toEqual(['upload', 'run']);
  for (const it of [landing, compiled]) it.dispose();
});

test('a part of what was uploaded: the same values in every step, and a step that is traced', async () => {
  const compiled = await device.compile(adding(true), null);
  const landing = await device.createLanding(64);
  await landing.upload(series(4, 5));
  const inputs = [{ data: landing, perStep: false, byteOffset: 32 }, value(1, 1, 1, 1)];
  expect(Array.from((await compiled.run(inputs, 3)).outputs[0]!)).toEqual(Array(12).fill(26));
  expect(await sums(compiled, landing, 2, 32)).toEqual([26, 36]);
  inputs[0]!.data = landing;
  await compiled.trace(inputs, false, false);
  for (const [byteOffset, steps] of [
    [48, 2],
    [64, 1],
    [80, 1],
  ] as const)
    await expect(sums(compiled, landing, steps, byteOffset)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  for (const it of [landing, compiled]) it.dispose();
});

test('what cannot be uploaded, and what cannot be run, is refused', async () => {
  const compiled = await device.compile(adding(false), null);
  const landing = await device.createLanding(16);
  const refused = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) });
  const invalid = (message: RegExp) => refused('ERR_INVALID_ARGUMENT', message);
  await expect(sums(compiled, landing, 1)).rejects.toMatchObject(
    invalid(/upload of dtype f32 for the input 'input 0'/),
  );
  await expect(landing.upload(new Float32Array(5))).rejects.toMatchObject(invalid(/at most 16 bytes for data/));
  await expect(landing.upload([1] as never)).rejects.toMatchObject(invalid(/Float32Array.*for data/));
  await landing.upload(new Uint8Array(16));
  await expect(sums(compiled, landing, 1)).rejects.toMatchObject(invalid(/upload of dtype f32/));
  await landing.upload(floats(1));
  await expect(sums(compiled, landing, 1)).rejects.toMatchObject(invalid(/16 bytes for each of 1 steps.*received 4/));
  // The first upload takes a while.
  const first = landing.upload(Uint8Array.of(99, 0, 0, 0));
  await expect(landing.upload(floats(1))).rejects.toMatchObject(refused('ERR_BUSY', /another upload/));
  await expect(sums(compiled, landing, 1)).rejects.toMatchObject(invalid(/received 0|dtype/));
  await first;
  // After an upload that failed, there is nothing to run.
  await expect(landing.upload(new Uint8Array(3))).rejects.toMatchObject({ code: 'ERR_FAKE_UPLOAD' });
  await landing.upload(floats(1, 1, 1, 1));
  expect(await sums(compiled, landing, 1)).toEqual([2]);
  const other = open(library);
  const foreign = await other.createLanding(16);
  await foreign.upload(floats(1, 1, 1, 1));
  await expect(sums(compiled, foreign, 1)).rejects.toMatchObject(invalid(/landing of the plan's device/));
  other.dispose();
  landing.dispose();
  await expect(landing.upload(floats(1))).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  await expect(sums(compiled, landing, 1)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  compiled.dispose();
});

test('an error in a run leaves the landing usable', async () => {
  const broken = await device.compile(plan([tensor(), tensor()], [node('refuse', [0], [1])], [0], [1]), null);
  const landing = await device.createLanding(16);
  await landing.upload(floats(1, 2, 3, 4));
  const run = { data: landing, perStep: false };
  await expect(broken.run([run], 1)).rejects.toMatchObject({ code: 'ERR_FAKE_LAUNCH' });
  const compiled = await device.compile(adding(false), null);
  expect(await sums(compiled, landing, 1)).toEqual([2]);
  for (const it of [landing, compiled, broken]) it.dispose();
});

test('memory is counted, of the host apart, and freed; what could not be made keeps nothing', async () => {
  // The test needs a device of its own, because memory that other tests have disposed of may be freed at any time.
  const own = open(library);
  const before = own.memory;
  const landing = await own.createLanding(1000);
  const { buffers, bufferBytes, pinnedBytes, bytes } = own.memory;
  expect({ buffers, bufferBytes, pinnedBytes, bytes }).toEqual({
    buffers: before.buffers + 1,
    bufferBytes: before.bufferBytes + 1000,
    pinnedBytes: before.pinnedBytes + 1000,
    bytes: before.bytes + 1000,
  });
  // A size that the host cannot pin, and one that the device does not have.
  for (const size of [4243, 2 ** 33])
    await expect(own.createLanding(size)).rejects.toMatchObject({
      code: 'ERR_OUT_OF_MEMORY',
      message: expect.stringMatching(/^streamed images need two buffers of \d+ MiB on the device.*smaller batch/),
    });
  const upload = landing.upload(new Uint8Array(1000).fill(99));
  landing.dispose();
  // It may have been released before the upload began.
  await upload.catch(({ code }) => expect(code).toBe('ERR_DISPOSED'));
  await until(() => own.memory.buffers === before.buffers);
  const { peakBytes, ...rest } = own.memory;
  expect(peakBytes).toBeGreaterThanOrEqual(1000);
  const { peakBytes: _, ...same } = before;
  expect(rest).toEqual(same);
  await expect(own.createLanding(0)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  own.dispose();
});

test('a device that is disposed of settles the uploads that are queued', async () => {
  const other = open(library);
  const landings = [await other.createLanding(4), await other.createLanding(4), await other.createLanding(4)];
  const uploads = landings.map((it) => it.upload(Uint8Array.of(99, 0, 0, 0)));
  other.dispose();
  const results = await Promise.allSettled(uploads);
  for (const it of results) if (it.status === 'rejected') expect(it.reason).toMatchObject({ code: 'ERR_DISPOSED' });
  await expect(landings[0]!.upload(Uint8Array.of(1))).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
});

test('the CPU has none', async () => {
  const { native } = openDevice('cpu');
  expect(native.uploadsAhead).toBe(false);
  expect(device.uploadsAhead).toBe(true);
  await expect(native.createLanding(8)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' });
});

/** Writes a script that keeps uploading while a run of a thousand slow steps is under way, and then executes `body`. */
function script(name: string, body: string): string {
  const path = join(fakes.folder, name);
  writeFileSync(
    path,
    `const addon = require(${JSON.stringify(binaryPath('saturnn.node'))});
    const options = { libraryPath: ${JSON.stringify(library)}, index: 0, threads: 1, searchPaths: [] };
    const description = ${JSON.stringify(slowPlan(40, 50))};
    for (const node of description.nodes) node.attributes = Uint8Array.from(Object.values(node.attributes));
    (async () => {
      const device = addon.openDevice(options);
      const plan = await device.compile(description, null);
      const landings = [await device.createLanding(2 ** 20), await device.createLanding(2 ** 20)];
      plan.run([{ data: new Float32Array(4), perStep: false }], 1000);
      ${body}
      for (;;) await Promise.all(landings.map((it) => it.upload(new Uint8Array(2 ** 20).fill(99))));
    })();`,
  );
  return path;
}

test('process.exit(), and the end of a worker, in the middle of an upload', async () => {
  const path = script('exit.js', 'setTimeout(() => process.exit(3), 30);');
  const child = promisify(execFile)(process.execPath, [path], { timeout: 60_000 });
  await expect(child).rejects.toMatchObject({ code: 3, signal: null, stderr: '' });
  const posting = `require('node:worker_threads').parentPort.postMessage('running');`;
  const worker = new Worker(script('worker.js', `setTimeout(() => { ${posting} }, 30);`));
  await new Promise((resolve) => worker.once('message', resolve));
  expect(await worker.terminate()).toBe(1);
  await until(() => alive(library).devices === 1);
});
