/**
 * The long fuzz run: `node scripts/fuzz.mjs [--inputs N] [--seed S] [--json FILE]`. The readers run in a worker thread; one
 * that hangs is seen from outside, and its input is named.
 */
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { environment, writeJson } from '../lib/measure/harness';
import { type FuzzReport, fuzz, timeBound } from '../test/fuzz/fuzz';

interface Shared {
  readonly inputs: number;
  readonly seed: number;
  /** The number of the input under way. */
  readonly progress: Int32Array;
}

/** By which part memory may differ between the middle and the end of the run; before that, the heap finds its size. */
const mostGrowth = 0.05;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { inputs: { type: 'string', default: '1000000' }, seed: { type: 'string' }, json: { type: 'string' } },
  });
  const inputs = Number(values.inputs);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!(Number.isSafeInteger(inputs) && inputs > 0 && Number.isSafeInteger(seed))) {
    throw new Error('Expected integers for --inputs and --seed');
  }
  process.stdout.write(`${inputs} inputs, seed ${seed}\n`);
  const report = await watch({ inputs, seed, progress: new Int32Array(new SharedArrayBuffer(4)) });
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (values.json) writeJson(values.json, { ...environment(), ...report });
  const [middle, end] = [report.rss[4]!, report.rss.at(-1)!];
  if (end > middle * (1 + mostGrowth)) throw new Error(`memory grew from ${middle} MB in the middle to ${end} MB`);
}

/** The worker's report. A reader that stands still is an error. */
function watch(shared: Shared): Promise<FuzzReport> {
  const worker = new Worker(__filename, { workerData: shared });
  return new Promise((resolve, reject) => {
    let last = -1;
    const timer = setInterval(() => {
      const number = Atomics.load(shared.progress, 0);
      if (number === last) {
        void worker.terminate();
        reject(new Error(`input ${number} of seed ${shared.seed} hangs`));
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
