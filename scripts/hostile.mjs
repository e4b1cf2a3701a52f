// `npm run hostile -- [--rounds N]`: downloads N times (default 10) from every hostile server of test/hostile.
import { startIfMain } from './stage.mjs';
import { runBench } from './typescript.mjs';

await startIfMain(import.meta.url, (args) => runBench('hostile', args));
