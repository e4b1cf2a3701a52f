// `npm start`: all set-up, then the main job: train a narrow inception33 on the generated data set, in a few minutes on
// two cores. Arguments are added to the command's, so `npm start -- --epochs 1` changes one of them.
import { join } from 'node:path';
import { setup } from './setup.mjs';
import { foreground, node, root, startIfMain } from './stage.mjs';

// About 10,000 images, five times; a step at twice this learning rate or more learns badly.
const mainJob =
  'train --data generated --model inception33 --width 0.25 --activation leakyTanh --device cpu --batch 32 --lr 0.02 --epochs 5';

await startIfMain(import.meta.url, async (args) => {
  await setup();
  return foreground(node, [join(root, 'dist', 'cli', 'main.js'), ...mainJob.split(' '), ...args]);
});
