// `npm start`: all set-up, then the main job: train a narrow inception33 on the generated data set, in a few minutes on
// two cores. Arguments are added to the command's, so `npm start -- --epochs 1` changes one of them.
import { join } from 'node:path';
import { setup } from './setup.mjs';
import { foreground, node, root, startIfMain } from './stage.mjs';

const mainJob = [
  'train',
  '--data',
  'generated',
  '--model',
  'inception33',
  '--activation',
  'leakyTanh',
  '--device',
  'cpu',
];

await startIfMain(import.meta.url, async (args) => {
  await setup();
  return foreground(node, [join(root, 'dist', 'cli', 'main.js'), ...mainJob, ...args]);
});
