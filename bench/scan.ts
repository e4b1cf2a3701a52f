/**
 * `npm run scan:convolutions -- [--cases N] [--seed S] [--threads A,B,...] [--json FILE]`: the long form of test/scan. Tries
 * convolutions and fully connected layers of random shapes, in three passes, with every instruction set of this processor.
 */
import { parseArgs } from 'node:util';
import { environment, writeJson } from '../lib/measure/harness';
import { scan } from '../test/scan/scan';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '3000' },
      seed: { type: 'string' },
      threads: { type: 'string', default: '1,2,3,4,5,6,7,8' },
      json: { type: 'string' },
    },
  });
  const cases = Number(values.cases);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const threads = values.threads.split(',').map(Number);
  const isCount = (value: number) => Number.isSafeInteger(value) && value > 0;
  if (!(isCount(cases) && Number.isSafeInteger(seed) && seed >= 0 && threads.every(isCount))) {
    throw new Error('Expected integers for --cases, --seed and --threads: at least 1, a seed of at least 0.');
  }
  process.stdout.write(`${cases} shapes, seed ${seed}, ${values.threads} threads\n`);
  const reports = await scan({ cases, seed, threads, log: (line) => process.stdout.write(`${line}\n`) });
  if (values.json) writeJson(values.json, { ...environment(), seed, threads, reports });
  const faults = reports.reduce((sum, report) => sum + report.faults.length, 0);
  if (faults > 0) throw new Error(`${faults} faults.`);
}

main().catch((error: Error) => {
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
});
