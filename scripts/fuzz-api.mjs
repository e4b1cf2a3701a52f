// `npm run fuzz:api -- [--calls N] [--seed S] [--first N]`: calls every function, class and method of the package with values of every kind, and
// prints what ends in a signal, a hang or an error without a code.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzzApi } from '../test/fuzz/api/run.mjs';
import { root, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

await startIfMain(import.meta.url, async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      calls: { type: 'string', default: '100000' },
      seed: { type: 'string' },
      first: { type: 'string', default: '0' },
      built: { type: 'boolean', default: false },
    },
  });
  const calls = Number(values.calls);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!values.built) await compileTypescript('tsconfig.build.json');
  const first = Number(values.first);
  process.stdout.write(`${calls} calls from ${first} on, seed ${seed}\n`);
  const faults = await fuzzApi({
    ...{ dist: join(root, 'dist'), calls, seed, first },
    onFault: (fault) => console.log(fault),
    onCalls: (done) => console.log(`${done} calls done`),
  });
  process.stdout.write(`${calls} calls, ${faults.length} faults\n`);
  return faults.length === 0 ? 0 : 1;
});
