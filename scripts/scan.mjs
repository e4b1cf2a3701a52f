// `npm run scan:convolutions -- [--cases N] [--seed S] [--threads A,B,...] [--json FILE]`: runs convolutions of random shapes
// between canaries, with every instruction set of this processor, and compares them with loops in double precision.
import { startIfMain } from './stage.mjs';
import { runBench } from './typescript.mjs';

await startIfMain(import.meta.url, (args) => runBench('scan', args));
