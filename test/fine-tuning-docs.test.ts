/** docs/fine-tuning.md: its program runs, and its commands are those that there are. */

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as saturnn from '../lib';
import { optionsOf } from '../lib/cli/options/resume';
import { withOptions } from '../lib/cli/train';
import { packageRoot } from '../lib/runtime/locate';
import { temporaryFolder } from './temporary';
import { smallData, trainerOf } from './train/support';

const page = readFileSync(join(packageRoot(), 'docs/fine-tuning.md'), 'utf8');
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code!);

test('the program fine-tunes, first a new last layer and then the whole network', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'runs/photos'), { recursive: true });
  const { train, test } = smallData(16, 8);
  using base = trainerOf({ model: saturnn.subInception({ width: 0.05 }), train, test });
  await base.saveWeights(join(folder, 'runs/photos/best.safetensors'));
  const few = (data: saturnn.Dataset) =>
    saturnn.Dataset.from({
      images: data.images,
      labels: data.labels.map((label) => label % 3),
      shape: data.shape,
      classes: 3,
    });
  // The paths of the page are within the folder, and an epoch is enough.
  const [program] = blocks('js');
  const code = program!
    .replace(/'([\w/]+\.safetensors)'/g, (_, path) => JSON.stringify(join(folder, path)))
    .replace(/epochs: \d+/g, 'epochs: 1');
  const main = new Function('require', `${code}\nreturn main;`)(() => saturnn);
  const predictor: saturnn.Predictor = await main({ train: few(train), test: few(test) });
  expect(predictor.classes).toBe(3);
  predictor.dispose();
  const { card } = await saturnn.loadModel(join(folder, 'flowers.safetensors'));
  expect(card!.from).toMatchObject({
    file: 'head.safetensors',
    classes: 3,
    card: { from: { file: 'best.safetensors', classes: 100 } },
  });
});

test('the commands have only options that there are', () => {
  const lines = blocks('sh').flatMap((code) =>
    code.split('\n').filter((line) => line.startsWith('npx saturnn train ')),
  );
  expect(lines).toHaveLength(2);
  const parsed = lines.map((line) => {
    const words = [
      ...line
        .replace('npx saturnn train ', '')
        .replace('--data flowers', '--data generated')
        .matchAll(/'([^']*)'|(\S+)/g),
    ].map(([, quoted, plain]) => quoted ?? plain!);
    const given: Record<string, string | true> = {};
    for (const [index, word] of words.entries()) {
      const next = words[index + 1];
      if (word.startsWith('--')) given[word] = next === undefined || next.startsWith('--') ? true : next;
    }
    return optionsOf<Record<string, unknown>>(withOptions(), given);
  });
  expect(parsed[0]).toMatchObject({ newHead: true, freeze: ['3*', '4*', '5*'], epochs: 20 });
  expect(parsed[1]).toMatchObject({ weights: 'runs/head/best.safetensors', lrLayers: '3*=0.1,classifier=2' });
});
