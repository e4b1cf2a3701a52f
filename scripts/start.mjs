// `npm start`: all set-up, then the main job: train a narrow inception33 on the generated data set, in a few minutes on
// two cores. Arguments are added to the command's, so `npm start -- --epochs 1` or `-- --steps 20` changes its length.
import { join } from 'node:path';
import { setup } from './setup.mjs';
import { foreground, node, root, startIfMain } from './stage.mjs';

// 10,000 images, five times; a learning rate of twice this or more learns badly.
const mainJob =
  'train --data generated --model inception33 --width 0.25 --activation leakyTanh --device cpu --batch 32 --lr 0.02';
const length = '--epochs 5';

await startIfMain(import.meta.url, async (args) => {
  await setup();
  const hasLength = args.some((arg) => /^--(epochs|steps)(=|$)/.test(arg));
  const job = [...mainJob.split(' '), ...(hasLength ? [] : length.split(' ')), ...args];
  return foreground(node, [join(root, 'dist', 'cli', 'main.js'), ...job]);
});
