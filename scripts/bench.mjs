// `npm run bench -- COMMAND`: runs a benchmark with the libraries that `npm run build` made. All arguments go to the benchmark;
// --help lists the commands.
import { join } from 'node:path';
import { foreground, node, root, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

await startIfMain(import.meta.url, async (args) => {
  // Progress of the compilation goes to stderr, because stdout is for results (--json).
  console.log = console.error;
  await compileTypescript('tsconfig.bundle.json');
  return foreground(node, [join(root, 'dist-bundle', 'bench', 'main.js'), ...args]);
});
