// Drives the addon as roughly as a program can, for ThreadSanitizer and AddressSanitizer (scripts/sanitize.mjs) and, shortly, for
// stress.test.ts: many devices at once, in the main thread and in workers, with runs, traces, reads, writes and
// uploads in flight while what they use is disposed of; workers that are terminated in a step; garbage collection in between.
//
//   node --expose-gc test/native/stress.cjs ADDON FAKE_BACKEND ROUNDS [SEED]
//
// Ends with exit code 1 if a result is wrong, an error has another code than those expected, or anything stays alive.
const { once } = require('node:events');
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');

const [addonPath, libraryPath, rounds, firstSeed] = isMainThread ? process.argv.slice(2) : workerData;
const addon = require(addonPath);
const options = { libraryPath, index: 0, threads: 2, searchPaths: [] };
const bytes = { parameters: 1024, optimizer: 256, gradients: 64, buffers: 8 };
const seed = Number(firstSeed ?? Date.now() % 1_000_000);

/** A small generator, so that a seed repeats the order of calls (not the threads' order). */
function randomFrom(start) {
  let state = (start * 2654435761) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function planOf(op, nodes, more = {}) {
  const attributes = op === 'slow' ? new Uint8Array(Int32Array.of(1).buffer) : new Uint8Array();
  const tensor = { dtype: 'f32', shape: [64], image: false };
  return {
    tensors: Array.from({ length: nodes + 1 }, () => tensor),
    nodes: Array.from({ length: nodes }, (_, i) => {
      return { op, name: `${op} ${i}`, attributes, inputs: [i], outputs: [i + 1], inPlace: [-1], writes: [] };
    }),
    inputs: [{ name: 'x', tensor: 0 }],
    outputs: [{ name: 'y', tensor: nodes }],
    gate: -1,
    skip: -1,
    options: { allowTf32: false, deterministic: true, autotune: false, plain: true },
    replay: false,
    poison: false,
    ...more,
  };
}

const plans = [
  planOf('copy', 5),
  planOf('copy', 3, { replay: true }),
  planOf('slow', 4, { poison: true }),
  planOf('refuse', 1),
];
const allowed = new Set(['ERR_DISPOSED', 'ERR_FAKE_LAUNCH']);
const count = { rounds: 0, runs: 0, refused: 0, terminated: 0 };

/** Waits for a call, and checks its value; a failure must be one of the allowed errors. */
async function settle(promise, check = () => {}) {
  try {
    check(await promise);
    count.runs++;
  } catch (error) {
    if (!allowed.has(error.code)) throw error;
    count.refused++;
  }
}

/** A call that throws at once if what it uses is gone. */
function attempt(call, check) {
  try {
    return settle(call(), check);
  } catch (error) {
    if (!allowed.has(error.code)) throw error;
    count.refused++;
    return undefined;
  }
}

async function round(random) {
  const device = addon.openDevice(options);
  const state = device.createState(bytes);
  const compiled = await Promise.all(plans.map((plan, i) => device.compile(plan, i % 2 ? state : null)));
  const buffers = [device.upload(new Float32Array(64).fill(7))];
  const landings = await Promise.all([device.createLanding(256), device.createLanding(256)]);
  const inUse = new Set();
  const pending = [];
  const begin = (call, check) => pending.push(attempt(call, check));

  const value = random(100);
  const acts = [
    () => {
      const steps = 1 + random(3);
      const input = { data: new Float32Array(64).fill(value), perStep: false };
      begin(
        () => compiled[random(compiled.length)].run([input], steps),
        ({ outputs }) => {
          if (outputs[0].some((found) => found !== value))
            throw new Error(`expected ${value} but received ${outputs[0]}`);
        },
      );
    },
    () => begin(() => compiled[random(compiled.length)].run([{ data: buffers[0], perStep: false }], 2)),
    () => {
      // Nothing may be uploaded to a landing before the run that reads it has ended.
      const landing = landings[random(2)];
      if (inUse.has(landing)) return;
      inUse.add(landing);
      const plan = compiled[random(compiled.length)];
      const run = async () => {
        const mine = random(100);
        await landing.upload(new Float32Array(64).fill(mine));
        const { outputs } = await plan.run([{ data: landing, perStep: false }], 2);
        if (outputs[0].some((found) => found !== mine)) throw new Error(`expected ${mine} but received ${outputs[0]}`);
      };
      begin(() => run().finally(() => inUse.delete(landing)));
    },
    () => begin(() => device.createLanding(1024).then((landing) => landing.upload(new Uint8Array(1024)))),
    () => begin(() => compiled[random(3)].trace([{ data: new Float32Array(64), perStep: false }], true, true)),
    () => begin(() => state.write('parameters', 0, new Float32Array(16).fill(value))),
    () => begin(() => state.read('parameters', 0, 64)),
    () =>
      begin(
        () => device.compile(plans[random(plans.length)], state),
        (plan) => compiled.push(plan),
      ),
    () => attempt(async () => buffers.push(device.upload(new Float32Array(1024)))),
    () => buffers[random(buffers.length)].dispose(),
    () => device.memory.bytes + addon.counters().bytes + addon.externalBytes(),
    () => JSON.parse(addon.probe(options)),
    () => global.gc?.(),
    () => new Promise((resolve) => setTimeout(resolve, random(3))),
  ];
  for (let i = 0; i < 30; i++) await acts[random(acts.length)]();
  // In any order, with all that in flight; the garbage collector takes what is left out.
  for (const it of [state, device, ...compiled, ...buffers, ...landings]) if (random(2)) it.dispose();
  await Promise.all(pending);
  device.dispose();
  count.rounds++;
}

async function rounded(number, random) {
  for (let i = 0; i < number; i++) await round(random);
}

/** Workers that end by themselves and workers that are terminated in the middle. */
async function withWorkers(number, random) {
  for (let i = 0; i < number; i++) {
    const workers = [0, 1].map(
      (k) => new Worker(__filename, { workerData: [addonPath, libraryPath, 2, seed + 10 * i + k] }),
    );
    const [first, second] = workers.map((worker) => once(worker, 'exit'));
    await once(workers[0], 'message');
    await new Promise((resolve) => setTimeout(resolve, random(20)));
    await workers[0].terminate();
    count.terminated++;
    await first;
    const [code] = await second;
    if (code !== 0) throw new Error(`a worker ended with ${code}`);
  }
}

async function everythingGone() {
  const alive = () => Object.values(JSON.parse(addon.probe(options))).some((number) => number !== 0);
  for (let i = 0; i < 500 && alive(); i++) {
    global.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (alive()) throw new Error(`alive at the end: ${addon.probe(options)}`);
}

async function main() {
  const random = randomFrom(seed);
  if (!isMainThread) {
    parentPort.postMessage('started');
    return rounded(Number(rounds), random);
  }
  const own = [1, 2, 3].map((i) => rounded(Number(rounds), randomFrom(seed + i)));
  await Promise.all([...own, withWorkers(Math.ceil(Number(rounds) / 4), random)]);
  await everythingGone();
  console.log(
    `seed ${seed}: ${Object.entries(count)
      .map(([name, number]) => `${number} ${name}`)
      .join(', ')}`,
  );
}

main().catch((error) => {
  console.error(`seed ${seed}:`, error);
  process.exit(1);
});
