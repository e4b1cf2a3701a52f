// `npm run gpu:check`: sets everything up, then runs the checks and benchmarks of bench/gpu-check.ts on this host's GPU,
// from the same compiled scripts as in the bundle. All arguments go to the check.
import { setup } from './setup.mjs';
import { foreground, node, stage, startIfMain } from './stage.mjs';
import { compiledBench, compileTypescript } from './typescript.mjs';

await startIfMain(import.meta.url, async (args) => {
  await setup();
  await stage('check scripts', () => compileTypescript('tsconfig.bundle.json'));
  return foreground(node, [compiledBench('gpu-check'), ...args]);
});
