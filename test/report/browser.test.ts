import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import type { EpochEvent } from '../../lib/optim/metric';
import { writeReport } from '../../lib/report/write';
import { renderReport } from '../../lib/train/curves';
import type { StepEvent } from '../../lib/train/events';
import { temporaryFolder } from '../temporary';
import { describeInBrowser, openReport } from './browser';
import { fakePage, layers } from './fake';
import { controls, figuresInPage, recordFocus } from './inPage';

const folder = temporaryFolder();

const step: StepEvent = {
  ...{ event: 'step', step: 1, epoch: 1, loss: 5, accuracy: 0.1, gradientNorm: 1 },
  ...{ learningRate: 0.01, imagesPerSecond: 100 },
};
const epoch: EpochEvent = {
  ...{ event: 'epoch', epoch: 1, step: 30, complete: true, trainLoss: 4, trainAccuracy: 0.1 },
  ...{ testLoss: 3.8, testAccuracy: 0.1, testTop5: 0.2, learningRate: 0.01, imagesPerSecond: 100 },
};
let report: string;
beforeAll(() => {
  report = writeReport(folder, fakePage).report;
});

/** Waits until the figures show these numbers of curves: drawing follows a key by a frame or two. */
const expectCurves = (page: Page, curves: number[]) =>
  expect
    .poll(async () => (await page.evaluate(figuresInPage)).map((figure) => figure.curves), { timeout: 10_000 })
    .toEqual(curves);

describeInBrowser('a report in a browser', () => {
  test.each([
    { scheme: 'light' },
    { scheme: 'dark' },
    { scheme: 'light', width: 360, height: 740 },
    { scheme: 'dark', scripts: false },
  ] as const)('is complete, readable and silent: %o', async (view) => {
    const { page, problems, figures, close } = await openReport(report, view);
    expect(problems).toEqual([]);
    const names = fakePage.charts.map(({ series }) => series.map(({ name }) => name));
    const scripts = !('scripts' in view);
    expect(figures).toMatchObject(
      fakePage.charts.map(({ id, title }, index) => ({
        ...{ id, title, visible: true, curves: 4 },
        legend: scripts ? names[index] : [],
        texts: expect.arrayContaining(scripts ? ['epoch', 'accuracy, %'] : ['epoch', 'accuracy, %', ...names[index]!]),
      })),
    );
    expect(await page.locator('table').count()).toBe(4);
    const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(paper).toBe(view.scheme === 'dark' ? 'rgb(20, 23, 27)' : 'rgb(255, 255, 255)');
    await close();
  });

  test('is read by keyboard alone', async () => {
    const { page, problems, close } = await openReport(report);
    const expected = await page.evaluate(controls);
    // The skip link, then links to sections, tables, drawings, check boxes and lists of values.
    expect(expected).toHaveLength(1 + 6 + 4 + 4 + 16 + 4);
    await page.evaluate(recordFocus);
    for (const _ of expected) await page.keyboard.press('Tab');
    expect(await page.evaluate('focusOrder')).toEqual(expected);

    await page.locator('#figure2 input').nth(1).focus();
    await page.keyboard.press('Space');
    await expectCurves(page, [4, 3, 4, 4]);
    await page.keyboard.press('Space');
    await expectCurves(page, [4, 4, 4, 4]);

    await page.locator('#figure1 summary').focus();
    await page.keyboard.press('Enter');
    const rows = page.locator('#figure1 tbody tr');
    await rows.first().waitFor();
    expect(await rows.count()).toBe(12);
    // Columns: the epoch, then train, test and the two ends of the test's band for each model. The first model has a gap here.
    expect(await rows.nth(4).locator('th, td').allTextContents()).toEqual([
      ...['5', '73', '–', '43.8', '53.53'],
      ...['64.21', '42.81', '38.53', '47.09'],
    ]);

    await page.locator('#figure1 .plot').focus();
    for (const key of ['End', 'ArrowLeft']) await page.keyboard.press(key);
    const said = await page.locator('#figure1 output').textContent();
    expect(said).toBe(
      'epoch 11; relu, train: 87.7; relu, test: 58.47; leaky relu, train: 84.25; leaky relu, test: 56.16',
    );
    const tip = page.locator('#figure1 .tip');
    await tip.waitFor();
    await page.keyboard.press('Escape');
    await tip.waitFor({ state: 'hidden' });
    expect(problems).toEqual([]);
    await close();
  });

  test('of a training of one epoch shows lines over steps, and no setting without a value', async () => {
    const steps = Array.from({ length: 30 }, (_, index) => ({ ...step, step: index + 1, loss: 5 - index / 20 }));
    const path = join(folder, 'run.html');
    writeFileSync(path, renderReport('a run', { epochs: [epoch], steps }, { lr: 0.1, out: undefined }));
    const { page, problems, figures, close } = await openReport(path);
    expect(problems).toEqual([]);
    // The test set has one point so far, which is a mark and no line.
    expect(figures).toMatchObject([
      { title: 'Accuracy', legend: ['train', 'test'] },
      { title: 'Loss', legend: ['train', 'test'], texts: expect.arrayContaining(['step', 'loss', '3.3', '5.1']) },
    ]);
    const text = await page.locator('body').innerText();
    expect(text).not.toContain('undefined');
    expect(text.match(/a run/g)).toHaveLength(1);
    await close();
  });

  test('shows 14 series over 60 layers', async () => {
    const { report: path } = writeReport(join(folder, 'layers'), { ...fakePage, charts: [layers] });
    const { page, problems, figures, close } = await openReport(path, { width: 360, height: 740 });
    expect(problems).toEqual([]);
    expect(figures).toMatchObject([{ curves: 14, legend: layers.series.map(({ name }) => name) }]);
    await page.getByRole('button', { name: 'none' }).click();
    await expectCurves(page, [0]);
    await close();
  });

  test('is told from a page that is not right', async () => {
    const wrong = readFileSync(report, 'utf8')
      .replace(/<meta http-equiv[^>]*>/, '')
      .replace('<header>', '<header><img alt="" src="https://example.invalid/x.png"><p style="color:#999">faint</p>')
      .replace('</main>', '<div style="width:3000px">wide</div><script>undefinedFunction()</script></main>');
    const path = join(folder, 'wrong.html');
    writeFileSync(path, wrong);
    const { problems, close } = await openReport(path);
    expect(problems).toContain('request: https://example.invalid/x.png');
    for (const kind of ['console: ', 'script: ', 'faint: "faint"', 'sideways: '])
      expect(problems).toContainEqual(expect.stringContaining(kind));
    await close();
  });
});
