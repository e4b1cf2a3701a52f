// `npm run kill -- [--kills N] [--seed S] [--json FILE] [-- OPTIONS]`: kills a training run at random moments, resumes it, and
// compares its result with that of a run that was not killed. OPTIONS are options of `saturnn train`.
import { startIfMain } from './stage.mjs';
import { compileTypescript, runBench } from './typescript.mjs';

await startIfMain(import.meta.url, async (args) => {
  await compileTypescript('tsconfig.build.json');
  return runBench('kill', args);
});
