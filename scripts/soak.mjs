// `npm run soak -- [--steps N] [--trainers N] [--workers N] [--json FILE]`: whether memory stays flat over 100,000 training steps, 1,000
// Trainers and 100 worker threads.
import { startIfMain } from './stage.mjs';
import { runBench } from './typescript.mjs';

await startIfMain(import.meta.url, (args) => runBench('soak', args));
