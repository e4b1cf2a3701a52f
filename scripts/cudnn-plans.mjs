// `npm run cudnn:plans`: asks cuDNN itself, without a GPU, and writes docs/cudnn-plans.md. Needs the files that
// `npm run setup:cuda` and `npm run build:native` make.
import { join } from 'node:path';
import { foreground, node, root, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

await startIfMain(import.meta.url, async () => {
  await compileTypescript('tsconfig.bundle.json');
  return foreground(node, [join(root, 'dist-bundle', 'bench', 'cudnnPlans', 'main.js')]);
});
