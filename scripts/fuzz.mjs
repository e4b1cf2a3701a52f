// `npm run fuzz -- [--inputs N] [--seed S] [--json FILE]`: gives mutated files (default: a million) to the readers of files.
import { startIfMain } from './stage.mjs';
import { runBench } from './typescript.mjs';

await startIfMain(import.meta.url, (args) => runBench('fuzz', args));
