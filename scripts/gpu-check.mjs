// `npm run gpu:check`: all set-up, then every check and benchmark of bench/gpu-check.ts on whatever GPU is here, from the
// same compiled scripts that the bundle holds. Arguments are the check's.
import { join } from 'node:path';
import { setup } from './setup.mjs';
import { foreground, node, root, stage, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

await startIfMain(import.meta.url, async (args) => {
  await setup();
  await stage('check scripts', () => compileTypescript('tsconfig.bundle.json'));
  return foreground(node, [join(root, 'dist-bundle', 'bench', 'gpu-check.js'), ...args]);
});
