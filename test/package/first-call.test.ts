/**
 * Calls of the compiled package in a new process, before any plan was compiled or device opened: modules that are loaded
 * late must be loaded by these calls.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const dist = join(__dirname, '..', '..', 'dist');

/** Runs `body`, the body of an async function in which `saturnn` is the package. @returns its result */
function inFreshProcess(body: string, entry = `Promise.resolve(require(${JSON.stringify(join(dist, 'index.js'))}))`) {
  const script = `${entry}.then(async (saturnn) => { ${body} }).then((value) => console.log(JSON.stringify(value)))`;
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
}

const imported = `import(${JSON.stringify(join(dist, 'index.mjs'))})`;
const parameter = `
  const p = new saturnn.Parameter({ name: 'p', shape: [2], decay: true, initialize: () => Float32Array.of(1, 2) });
  const state = new saturnn.State([p], { seed: 7 });`;

test.each([
  ['required', undefined],
  ['imported', imported],
])('a constant’s data(), %s', (_, entry) => {
  const body = 'return Array.from(await saturnn.activate(saturnn.constant([-1, 3]), saturnn.relu()).data())';
  expect(inFreshProcess(body, entry)).toEqual([0, 3]);
});

test.each([
  ['data() of a parameter', [1, 2], 'return Array.from(await p.data())'],
  ['state.read()', [1, 2], 'return Array.from(await state.read(p))'],
  ['state.write()', [3, 4], 'await state.write(p, Float32Array.of(3, 4)); return Array.from(await state.read(p))'],
  ['state.readArena()', [7, 0], 'return Array.from(new Int32Array((await state.readArena("buffers")).buffer, 0, 2))'],
])('%s', (_, expected, body) => {
  expect(inFreshProcess(`${parameter} ${body}`)).toEqual(expected);
});
