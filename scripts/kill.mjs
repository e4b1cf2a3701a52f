// Kills training at random moments and resumes it: `node scripts/kill.mjs [--kills N] [--seed S] [--json FILE] [-- OPTIONS]`.
import { join } from 'node:path';
import { foreground, node, root, startIfMain } from './stage.mjs';
import { compileTypescript } from './typescript.mjs';

await startIfMain(import.meta.url, async (args) => {
  await compileTypescript('tsconfig.build.json');
  await compileTypescript('tsconfig.bundle.json');
  return foreground(node, [join(root, 'dist-bundle', 'bench', 'kill.js'), ...args]);
});
