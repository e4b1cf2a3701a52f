// `npm run cudnn:plans`: docs/cudnn-plans.md, from cuDNN itself, without a GPU. Needs what `npm run setup:cuda` and
// `npm run build:native` have made.
import { join } from 'node:path';
import { foreground, node, root, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

await startIfMain(import.meta.url, async () => {
  await compileTypescript('tsconfig.bundle.json');
  return foreground(node, [join(root, 'dist-bundle', 'bench', 'cudnnPlans', 'main.js')]);
});
