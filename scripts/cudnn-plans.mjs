// `npm run cudnn:plans`: asks cuDNN for its plans and writes them to docs/cudnn-plans.md. No GPU is needed; run
// `npm run setup:cuda` and `npm run build:native` first.
import { startIfMain } from './stage.mjs';
import { runBench } from './typescript.mjs';

await startIfMain(import.meta.url, () => runBench('cudnnPlans/main'));
