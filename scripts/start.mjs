// `npm start`: sets everything up, then trains a narrow inception33 on the generated data set, which takes a few minutes on two
// cores. Arguments are added to those of `saturnn train`: `npm start -- --epochs 1` or `-- --steps 20` changes the length.
import { setup } from './setup.mjs';
import { foreground, node, startIfMain } from './stage.mjs';
import { compiledCommand } from './typescript.mjs';

// With twice this learning rate, or more, the network learns badly. An epoch has 10,000 images.
const mainJob =
  'train --data generated --model inception33 --width 0.25 --activation leakyTanh --device cpu --batch 32 --lr 0.02';
const length = '--epochs 5';

await startIfMain(import.meta.url, async (args) => {
  await setup();
  const hasLength = args.some((arg) => /^--(epochs|steps)(=|$)/.test(arg));
  const job = [...mainJob.split(' '), ...(hasLength ? [] : length.split(' ')), ...args];
  return foreground(node, [compiledCommand, ...job]);
});
