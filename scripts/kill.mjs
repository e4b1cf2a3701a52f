// `npm run kill -- [--command train|table1|decoding] [--kills N] [--seed S] [--json FILE] [-- OPTIONS]`: kills trainings, tables and
// decodings at random moments and in various ways, continues them, and compares the results with those of commands that were not killed.
import { startIfMain } from './stage.mjs';
import { compileTypescript, runBench } from './typescript.mjs';

await startIfMain(import.meta.url, async (args) => {
  await compileTypescript('tsconfig.build.json');
  return runBench('kill', args);
});
