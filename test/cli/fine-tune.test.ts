/** `train --weights` with the network of a file: --freeze, --new-head, --lr-layers, --resume. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { picturesOfFile } from '../../lib/cli/options/fineTune';
import { readSafetensors } from '../../lib/files/safetensors';
import { npyBytes } from '../data/formats/arrays';
import { branchedModel } from '../models/networks';
import { temporaryFolder } from '../temporary';
import { smallData, trainerOf } from '../train/support';
import { saturnn } from './support';

const folder = temporaryFolder();
const file = join(folder, 'base.safetensors');
const ok = { code: 0, stderr: '' };
const common = ['--limit', '16', '--batch', '8', '--device', 'cpu'];
/** Images of three classes, in a folder of npy files. */
const few = join(folder, 'few');
const train = (out: string, ...args: string[]) =>
  saturnn(['train', '--weights', file, ...common, '--out', join(folder, out), ...args]);
const configOf = (out: string) => JSON.parse(readFileSync(join(folder, out, 'config.json'), 'utf8'));
const weightsOf = (out: string) => readSafetensors(join(folder, out, 'model.safetensors')).tensors;

beforeAll(async () => {
  mkdirSync(few);
  for (const [split, { images, labels, count, shape }] of Object.entries(smallData(16, 8))) {
    writeFileSync(join(few, `x_${split}.npy`), npyBytes({ shape: [count, ...shape], data: images }));
    writeFileSync(
      join(few, `y_${split}.npy`),
      npyBytes({ shape: [count], data: Uint8Array.from(labels, (label) => label % 3) }),
    );
  }
  using trainer = trainerOf({ model: branchedModel({ classes: 100, size: 28 }), ...smallData(32, 20) });
  await trainer.fit({ epochs: 1 });
  await trainer.saveWeights(file);
});

test('a new head on a frozen trunk is trained, resumed, and known to inspect', async () => {
  const tuning = ['--data', few, '--new-head', '--freeze', 'stem,wide, thin,norm'];
  expect(await train('tuned', ...tuning, '--steps', '4')).toMatchObject(ok);
  const freeze = ['stem', 'wide', 'thin', 'norm'];
  expect(configOf('tuned')).toMatchObject({ model: 'branched', weights: file, freeze, newHead: true, size: 28 });
  for (const name of ['init', 'dropout', 'mean', 'scale']) expect(configOf('tuned')).not.toHaveProperty(name);
  const [before, after] = [readSafetensors(file).tensors, weightsOf('tuned')];
  const changed = [...after].filter(([name, { data }]) => String(data) !== String(before.get(name)!.data));
  expect(changed.map(([name, { shape }]) => [name, shape])).toEqual([
    ['head/weight', [3, 32]],
    ['head/bias', [3]],
  ]);

  expect(await train('parts', ...tuning, '--steps', '2')).toMatchObject(ok);
  // The file holds the network: a resumed run must know where it is now.
  const moved = join(folder, 'moved.safetensors');
  renameSync(file, moved);
  const resume = ['train', '--out', join(folder, 'parts'), '--resume', '--steps', '4'];
  expect((await saturnn(resume)).stderr).toMatch(
    /base\.safetensors, .* is no longer there: --weights says where it is now$/m,
  );
  expect(await saturnn([...resume, '--weights', moved])).toMatchObject(ok);
  renameSync(moved, file);
  expect([...weightsOf('parts')]).toEqual([...after]);

  const { stdout } = await saturnn(['inspect', join(folder, 'tuned', 'model.safetensors')]);
  expect(stdout).toMatch(/^classes +3$/m);
  expect(stdout).toMatch(
    /^fine-tuned from +base\.safetensors \(SHA-256 [0-9a-f]{12}\), branched of 100 classes, 2 steps on 32 images of /m,
  );
  expect(stdout).toMatch(/^freeze +\["stem","wide","thin","norm"\]$/m);
});

test('learning rates differ by the same patterns; those of 0.0 stay', async () => {
  expect(await train('rates', '--lr-layers', 'stem=0,head=0.1', '--steps', '1')).toMatchObject(ok);
  const [before, after] = [readSafetensors(file).tensors, weightsOf('rates')];
  const isSame = (name: string) => String(after.get(name)!.data) === String(before.get(name)!.data);
  expect(['stem/weight', 'stem/scale', 'head/weight', 'thin/weight'].map(isSame)).toEqual([true, true, false, false]);
  const { settings } = JSON.parse(readSafetensors(join(folder, 'rates', 'model.safetensors')).metadata.card!);
  expect(settings.optimizer.groups).toEqual([
    { match: 'stem', learningRate: 0 },
    { match: 'head', learningRate: 0.1 },
  ]);
});

test('pictures are decoded as those of the training of the file, unless an option says otherwise', () => {
  // The file's network reads 28x28 of images of 32x32.
  const [same, other] = [[32, 32], undefined];
  expect(picturesOfFile({ weights: file })).toEqual({ fit: undefined, storedSize: same });
  expect(picturesOfFile({ weights: file, size: 28, fit: 'pad' })).toEqual({ fit: 'pad', storedSize: same });
  expect(picturesOfFile({ weights: file, size: 20 })).toEqual({ fit: undefined, storedSize: other });
  expect(picturesOfFile({ weights: file, storedSize: 40 })).toEqual({ fit: undefined, storedSize: 40 });
  expect(picturesOfFile({ size: 20 })).toEqual({});
});

test('what does not fit is refused by name', async () => {
  const refused = async (...args: string[]) => (await train('refused', '--steps', '1', ...args)).stderr;
  expect(await refused('--data', few)).toMatch(
    /^error \[ERR_INVALID_ARGUMENT\]: Expected the 100 of the network of .*base\.safetensors \(head: .*--new-head.*\) for classes of train but received 3\n$/,
  );
  expect(await refused('--freeze', 'stem,hat')).toMatch(
    /its layers are stem, wide, thin, norm, head\) for freeze\[1\]/,
  );
  expect(await refused('--width', '0.5')).toMatch(
    /--width does not apply to the network of .*base\.safetensors, which is not built in/,
  );
  const alone = await saturnn(['train', ...common, '--new-head', '--steps', '1', '--out', join(folder, 'refused')]);
  expect(alone.stderr).toBe('error [ERR_INVALID_ARGUMENT]: --new-head does not apply without --weights\n');
});
