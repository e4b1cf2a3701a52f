// `npm run fuzz -- [--inputs N] [--seed S] [--json FILE]`: gives mutated files (default: a million) to the readers of files.
import { join } from 'node:path';
import { foreground, node, root, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

await startIfMain(import.meta.url, async (args) => {
  await compileTypescript('tsconfig.bundle.json');
  return foreground(node, [join(root, 'dist-bundle', 'bench', 'fuzz.js'), ...args]);
});
