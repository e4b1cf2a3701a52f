/** From a folder of pictures to predictions and an evaluation, by the command alone. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../lib/files/safetensors';
import { drawClasses, drawShape, shapes } from '../data/pictures/draw';
import { describeInBrowser, openReport } from '../report/browser';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const folder = temporaryFolder();
const [photos, run, cacheDir] = [join(folder, 'photos'), join(folder, 'run'), join(folder, 'cache')];
const weights = join(run, 'model.safetensors');
const data = ['--data', photos, '--cache-dir', cacheDir];
const named = ['--weights', weights, '--device', 'cpu'];

beforeAll(async () => {
  await drawClasses(photos, 20);
  const network = ['--model', 'subInception', '--width', '0.1', '--size', '24', '--batch', '16', '--epochs', '4'];
  const { code, stderr } = await saturnn([
    'train',
    ...data,
    ...network,
    '--lr',
    '0.1',
    '--out',
    run,
    '--device',
    'cpu',
  ]);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
}, 120_000);

const fails = async (args: readonly string[], message: string | RegExp) => {
  const { code, stdout, stderr } = await saturnn(args);
  expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(message)]);
};

describe('saturnn evaluate', () => {
  test('prints figures, scores and the matrix', async () => {
    const { code, stdout } = await saturnn(['evaluate', ...named, ...data]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^images: 20\nloss: \d\.\d{4}\naccuracy: [\d.]+ %$/m);
    expect(stdout).toMatch(/^class +precision +recall +F1 +images$/m);
    for (const shape of shapes) expect(stdout).toMatch(new RegExp(`^${shape} +[01]\\.\\d{4} .* 4$`, 'm'));
    expect(stdout).toMatch(
      /^Confusion matrix: a row for each class, a column for each guess\n +0 +1 +2 +3 +4\n0 +circle /m,
    );
  });

  test('writes JSON, CSV and a page', async () => {
    const out = join(folder, 'evaluation');
    const { code, stdout } = await saturnn(['evaluate', ...named, ...data, '--json', '--out', out, '--mistakes', '3']);
    expect(code).toBe(0);
    const printed = JSON.parse(stdout);
    expect(printed).toMatchObject({ count: 20, classes: 5, classNames: shapes });
    const rows: number[][] = printed.confusion;
    expect(rows.map((row) => row.reduce((sum, count) => sum + count, 0))).toEqual([4, 4, 4, 4, 4]);
    expect(rows.reduce((sum, row, label) => sum + row[label]!, 0) / 20).toBeCloseTo(printed.accuracy, 12);
    expect(JSON.parse(readFileSync(join(out, 'evaluation.json'), 'utf8'))).toEqual(printed);
    const csv = readFileSync(join(out, 'confusion.csv'), 'utf8');
    expect(csv).toBe(`${[['class', ...shapes], ...rows.map((row, label) => [shapes[label], ...row])].join('\n')}\n`);
    expect(readFileSync(join(out, 'classes.csv'), 'utf8')).toMatch(
      /^label,class,precision,recall,f1,images\n0,circle,/,
    );
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('<section id="confusion">');
    expect((await saturnn(['evaluate', ...named, ...data, '--csv'])).stdout).toBe(csv);
  });

  test('refuses data of other classes, and names the first that differs', async () => {
    const other = join(folder, 'other');
    await drawClasses(other, 2, ['circle', 'ring', 'square']);
    const message = /the network's name "cross" \(as for all of its classes\) for class 1 of data but received "ring"/;
    await fails(['evaluate', ...named, '--data', other, '--cache-dir', cacheDir, '--json'], message);
    await fails(['evaluate', ...named, ...data, '--json', '--csv'], /--json.*cannot be used with.*--csv/);
    await fails(['evaluate', ...data], /required option '--weights <file>'/);
  });
});

describe('saturnn predict', () => {
  const file = join(folder, 'a ring.png');
  beforeAll(async () => writeFileSync(file, await drawShape('ring', 77)));

  test('names the class of files', async () => {
    const { code, stdout } = await saturnn([
      'predict',
      file,
      join(photos, 'square', '000.png'),
      ...named,
      '--top',
      '2',
    ]);
    expect(code).toBe(0);
    const guess = `(${shapes.join('|')}) [\\d.]+ %`;
    expect(stdout).toMatch(new RegExp(`^${file}: ${guess}, ${guess}\n.*/square/000.png: ${guess}, ${guess}\n$`));
  });

  test('prints JSON lines for folders, and says what it leaves out', async () => {
    const mixed = join(folder, 'mixed');
    mkdirSync(mixed);
    writeFileSync(join(mixed, 'a.png'), readFileSync(file));
    writeFileSync(join(mixed, 'b.jpg'), 'no picture');
    await fails(['predict', mixed, ...named], `Cannot predict ${join(mixed, 'b.jpg')}: it is not JPEG`);
    const { stdout } = await saturnn(['predict', mixed, ...named, '--json', '--on-broken', 'skip']);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { path: join(mixed, 'a.png'), broken: null, guesses: [{ name: expect.any(String) }, {}, {}] },
      { path: join(mixed, 'b.jpg'), broken: expect.stringMatching(/^it is not JPEG/), guesses: [] },
    ]);
  });

  test('without names in the weights says the number of the class', async () => {
    const path = join(folder, 'nameless.safetensors');
    const { tensors, metadata } = readSafetensors(weights);
    const { classNames: _, ...old } = metadata;
    writeSafetensors(path, { tensors, metadata: old });
    const { stdout } = await saturnn(['predict', file, '--weights', path, '--device', 'cpu', '--top', '1']);
    expect(stdout).toMatch(/: class [0-4] [\d.]+ %\n$/);
  });

  test('takes options that belong to files with files only, and those of data without', async () => {
    await fails(['predict', file, ...named, '--no-resize'], /it has 24x32 pixels in place of 24x24/);
    await fails(['predict', file, ...named, ...data], /--data does not apply to files/);
    await fails(['predict', file, ...named, '--split', 'train'], /--split does not apply to files/);
    await fails(['predict', ...named, ...data, '--top', '2'], /--top does not apply without files/);
    await fails(['predict', join(folder, 'none.png'), ...named], /Cannot read .*none.png: ENOENT/);
  });
});

describeInBrowser('the report of a run', () => {
  test('shows matrix, calibration and the worst mistakes of the test set', async () => {
    const { page, problems, figures, close } = await openReport(join(run, 'report.html'));
    expect(problems).toEqual([]);
    expect(figures.map(({ id, visible }) => [id, visible])).toEqual(
      ['accuracy', 'loss', 'calibration', 'confusion'].map((id) => [id, true]),
    );
    expect(figures[3]!.texts).toEqual(expect.arrayContaining([...shapes]));
    const text = await page.locator('main').innerText();
    expect(text).toMatch(/Test set[\s\S]*images\s+20[\s\S]*The weights are those after step \d+/);
    const { mistakes } = JSON.parse((await saturnn(['evaluate', ...named, ...data, '--json'])).stdout);
    const best = /of the best epoch/.test(text);
    const pictures = await page.locator('.gallery img').count();
    if (!best) expect(pictures).toBe(mistakes.length);
    await close();
  });
});
