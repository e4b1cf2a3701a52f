// `npm run forms -- CIFAR OUT`: writes CIFAR-100 in every form of data that is read, and trains on each: equal bits.
import { startIfMain } from './stage.mjs';
import { runBench } from './typescript.mjs';

await startIfMain(import.meta.url, (args) => runBench('forms', args));
