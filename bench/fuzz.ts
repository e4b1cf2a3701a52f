/**
 * `npm run fuzz -- [--inputs N] [--seed S] [--json FILE]`: the long form of test/fuzz. The readers run in a worker thread, so
 * that the main thread can notice a reader that hangs and name the input.
 */
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { environment, writeJson } from '../lib/measure/harness';
import { median } from '../lib/measure/median';
import { type FuzzReport, fuzz, timeBound } from '../test/fuzz/fuzz';

interface Shared {
  readonly inputs: number;
  readonly seed: number;
  /** One element: the number of the input that is being read. */
  readonly progress: Int32Array;
}

/**
 * Largest allowed growth of memory from the middle of the run to its end, as a fraction: of the median of three samples each, because
 * a busy system takes pages away and gives them back. Before the middle the heap still grows.
 */
const mostGrowth = 0.05;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { inputs: { type: 'string', default: '1000000' }, seed: { type: 'string' }, json: { type: 'string' } },
  });
  const inputs = Number(values.inputs);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!(Number.isSafeInteger(inputs) && inputs > 0 && Number.isSafeInteger(seed))) {
    throw new Error('Expected integers for --inputs (at least 1) and --seed.');
  }
  process.stdout.write(`${inputs} inputs, seed ${seed}\n`);
  const report = await watch({ inputs, seed, progress: new Int32Array(new SharedArrayBuffer(4)) });
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (values.json) writeJson(values.json, { ...environment(), ...report });
  const [middle, end] = [median(report.rss.slice(3, 6)), median(report.rss.slice(-3))];
  if (end > middle * (1 + mostGrowth))
    throw new Error(`Memory grew from ${middle} MB in the middle of the run to ${end} MB.`);
}

/**
 * Runs the worker.
 * @returns (resolves to) its report.
 * @throws Error (rejects) if a reader takes longer than twice `timeBound`
 */
function watch(shared: Shared): Promise<FuzzReport> {
  const worker = new Worker(__filename, { workerData: shared });
  return new Promise((resolve, reject) => {
    let last = -1;
    const timer = setInterval(() => {
      const number = Atomics.load(shared.progress, 0);
      if (number === last) {
        void worker.terminate();
        reject(new Error(`A reader hangs on input ${number} of seed ${shared.seed}.`));
      }
      last = number;
    }, 2 * timeBound);
    worker
      .on('message', resolve)
      .on('error', reject)
      .on('exit', () => clearInterval(timer));
  });
}

if (isMainThread) {
  main().catch((error: Error) => {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
  });
} else {
  const { inputs, seed, progress } = workerData as Shared;
  void fuzz({ inputs, seed, onInput: (number) => Atomics.store(progress, 0, number) }).then((report) =>
    parentPort?.postMessage(report),
  );
}
