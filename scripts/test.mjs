// `npm test`: sets everything up, then runs every test. Arguments go to vitest.
import { join } from 'node:path';
import { setup } from './setup.mjs';
import { foreground, node, root, startIfMain } from './stage.mjs';

await startIfMain(import.meta.url, async (args) => {
  await setup();
  return foreground(node, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args]);
});
