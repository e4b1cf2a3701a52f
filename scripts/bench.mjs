// `npm run bench -- COMMAND`: the benchmarks, on what `npm run build` has made. Arguments are theirs; --help lists them.
import { join } from 'node:path';
import { foreground, node, root, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

await startIfMain(import.meta.url, async (args) => {
  // What is said about compiling goes to stderr: on stdout are results alone.
  console.log = console.error;
  await compileTypescript('tsconfig.bundle.json');
  return foreground(node, [join(root, 'dist-bundle', 'bench', 'main.js'), ...args]);
});
