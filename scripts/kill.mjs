// `npm run kill -- [--kills N] [--seed S] [--json FILE] [-- OPTIONS]`: kills a training run at random moments, resumes it, and
// compares its result with that of a run that was not killed. OPTIONS are options of `saturnn train`.
import { join } from 'node:path';
import { foreground, node, root, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

await startIfMain(import.meta.url, async (args) => {
  await compileTypescript('tsconfig.build.json');
  await compileTypescript('tsconfig.bundle.json');
  return foreground(node, [join(root, 'dist-bundle', 'bench', 'kill.js'), ...args]);
});
