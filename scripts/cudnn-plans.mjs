// `npm run cudnn:plans`: asks cuDNN for its plans and writes them to docs/cudnn-plans.md. No GPU is needed; run
// `npm run setup:cuda` and `npm run build:native` first.
import { join } from 'node:path';
import { foreground, node, root, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

await startIfMain(import.meta.url, async () => {
  await compileTypescript('tsconfig.bundle.json');
  return foreground(node, [join(root, 'dist-bundle', 'bench', 'cudnnPlans', 'main.js')]);
});
