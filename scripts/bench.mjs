// `npm run bench -- COMMAND`: runs a benchmark with the libraries that `npm run build` made. All arguments go to the benchmark;
// --help lists the commands.
import { startIfMain } from './stage.mjs';
import { runBench } from './typescript.mjs';

await startIfMain(import.meta.url, (args) => {
  // Progress of the compilation goes to stderr, because stdout is for results (--json).
  console.log = console.error;
  return runBench('main', args);
});
