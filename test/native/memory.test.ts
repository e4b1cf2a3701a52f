/** A host without memory: every failure is ERR_OUT_OF_MEMORY, never the end of the process, and what was made is freed. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { binaryPath } from '../../lib/runtime/locate';
import { alive, Fakes, open, plan, tensor } from './support';

const fakes = new Fakes();
let library: string;
beforeAll(() => {
  library = fakes.backend();
});
afterAll(() => fakes.remove());

test('a State that could not be made keeps nothing of it', async () => {
  const device = open(library);
  // The fake device has no room for the second arena.
  const state = device.createState({ parameters: 4096, optimizer: 2 ** 33, gradients: 64, buffers: 8 });
  await expect(state.read('parameters', 0, 4)).rejects.toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
  expect(device.memory.stateBytes).toBe(0);
  expect(alive(library).bytes).toBe(0);
  await expect(device.compile(plan([tensor()], [], [0], [0]), state)).rejects.toMatchObject({
    code: 'ERR_OUT_OF_MEMORY',
  });
  state.dispose();
  device.dispose();
});

test('results, States, inputs and uploads that do not fit', () => {
  const mebibytes = 64;
  const path = join(fakes.folder, 'limited.js');
  const script = `
    const { execFileSync } = require('node:child_process');
    const addon = require(${JSON.stringify(binaryPath('saturnn.node'))});
    const device = addon.openDevice({ libraryPath: ${JSON.stringify(library)}, index: 0, threads: 1, searchPaths: [] });
    const bytes = ${mebibytes} * 2 ** 20;
    const description = (size) => {
      const plan = ${JSON.stringify(plan([tensor()], [], [0], [0]))};
      plan.tensors[0].shape = [size];
      return plan;
    };
    (async () => {
      const state = device.createState({ parameters: bytes, optimizer: 0, gradients: 0, buffers: 0 });
      await state.read('parameters', 0, 4);
      const compiled = await device.compile(description(bytes / 4), null);
      const data = new Float32Array(bytes / 4);
      // A trace makes the input's memory, and leaves no result that a collection could free.
      await compiled.trace([{ data, perStep: false }], false, false);
      const limit = (more) => {
        const status = require('node:fs').readFileSync('/proc/self/status', 'utf8');
        const used = Number(/VmSize:\\s+(\\d+)/.exec(status)[1]) * 1024;
        execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + Math.round(used + more) + ':']);
      };
      const codes = [];
      const attempt = async (name, call) => {
        try {
          await call();
          codes.push(name + ' worked');
        } catch ({ code }) {
          codes.push(name + ' ' + code);
        }
      };
      const actions = {
        // Room for the copy on the engine's thread, but not for the ArrayBuffer; for the input, but not for the output.
        read: [1.5, () => state.read('parameters', 0, bytes)],
        readNothing: [0.5, () => state.read('parameters', 0, bytes)],
        write: [0.5, () => state.write('parameters', 0, data)],
        run: [1.9, () => compiled.run([{ data, perStep: false }], 1)],
        trace: [0.5, () => compiled.trace([{ data, perStep: false }], false, false)],
        upload: [0.5, async () => device.upload(data)],
        create: [0.5, () => device.createState({ parameters: bytes, optimizer: 0, gradients: 0, buffers: 0 }).read('parameters', 0, 4)],
        compile: [0.5, () => {
          const constant = description(bytes / 4);
          constant.tensors[0].data = data;
          constant.inputs = [];
          return device.compile(constant, null);
        }],
      };
      for (const [name, [room, call]] of Object.entries(actions)) {
        await state.read('parameters', 0, 4); // when it ends, the engine has freed the call before
        limit(room * bytes);
        await attempt(name, call);
      }
      execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + 2 ** 46 + ':']);
      await attempt('afterwards', () => compiled.run([{ data, perStep: false }], 1));
      console.log(codes.join('\\n'));
    })();`;
  writeFileSync(path, script);
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' };
  const lines = execFileSync(process.execPath, [path], { encoding: 'utf8', env }).trim().split('\n');
  const expected = ['read', 'readNothing', 'write', 'run', 'trace', 'upload', 'create', 'compile'];
  expect(lines.slice(0, -1)).toEqual(expected.map((name) => `${name} ERR_OUT_OF_MEMORY`));
  expect(lines.at(-1)).toBe('afterwards worked');
});
