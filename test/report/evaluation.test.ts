/** The parts of a report that show an evaluation, and the same in a browser. */
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset';
import { evaluatePredictions } from '../../lib/evaluation/evaluatePredictions';
import { evaluationParts, mistakesOf, thumbnail } from '../../lib/report/evaluation';
import { type HeatMap, heatMapHtml } from '../../lib/report/heatMap';
import { writeReport } from '../../lib/report/write';
import { draw } from '../evaluation/draw';
import { temporaryFolder } from '../temporary';
import { describeInBrowser, openReport } from './browser';

const names = ['ape', '<b>bee</b>', 'constructor', 'a name that is longer than the picture has room for'];
const drawn = draw({ seed: 1, count: 200, classes: 4, present: 4, strength: 3 });
const evaluation = evaluatePredictions({ ...drawn, classNames: names, mistakes: 6 });
const images = Dataset.from({
  images: Uint8Array.from({ length: 200 * 8 * 8 * 3 }, (_, at) => (at * 7) % 256),
  ...{ labels: drawn.labels, shape: [8, 8, 3], classNames: names },
});

/** Makes an evaluation of many classes. */
const ofMany = (classes: number) =>
  evaluatePredictions(draw({ seed: 3, count: 200, classes, present: classes, strength: 9 }));

describe('the parts of a page', () => {
  test('say what the evaluation says', async () => {
    const { tables, charts, heatMaps, galleries } = evaluationParts(evaluation, await mistakesOf(images, evaluation));
    expect(tables.map(({ title }) => title)).toEqual([
      ...['Evaluation', 'Classes', 'Most confused classes', 'Calibration bins'],
    ]);
    expect(tables[0]!.rows).toContainEqual(['accuracy', `${(100 * evaluation.accuracy).toFixed(2)} %`]);
    expect(tables[1]!.rows).toHaveLength(4 + 2);
    expect(tables[1]!.rows[1]![0]).toBe('<b>bee</b>');
    expect(heatMaps).toMatchObject([{ names, counts: [...evaluation.confusion] }]);
    expect(charts[0]!.series[0]!.points).toHaveLength(evaluation.calibration.bins.filter(({ count }) => count).length);
    const [{ label, guess, index }] = evaluation.mistakes as [(typeof evaluation.mistakes)[0]];
    const caption = galleries[0]!.pictures[0]!.caption;
    expect(caption).toMatch(new RegExp(`^${names[label]}, taken for ${names[guess]} \\(.* %\\), image ${index}$`));
  });

  test('have no picture of the matrix of more than 50 classes, and no row for each of more than 100', () => {
    const many = evaluationParts(ofMany(51), []);
    expect(many.heatMaps).toEqual([]);
    expect(many.tables[2]).toMatchObject({ appendix: false, note: expect.stringMatching(/50 classes at most/) });
    expect(many.tables[1]!.rows).toHaveLength(51 + 2);
    const more = evaluationParts(ofMany(101), []);
    expect(more.tables[1]!.rows).toHaveLength(100 + 2);
    expect(more.tables[1]!.note).toBe('The 100 of 101 classes with the lowest F1.');
    expect(more.galleries).toEqual([]);
  });

  test('of a network without mistakes have no gallery and no confused classes', async () => {
    const right = evaluatePredictions({ probabilities: Float32Array.of(1, 0, 0, 1), labels: [0, 1] });
    expect(await mistakesOf(images, right)).toEqual([]);
    expect(evaluationParts(right, []).tables.map(({ title }) => title)).not.toContain('Most confused classes');
  });
});

test('a thumbnail is the mean of squares of pixels', () => {
  const pixels = Uint8Array.from({ length: 100 * 3 * 2 }, (_, at) => (at % 2 === 0 ? 10 * Math.floor(at / 6) : 7));
  const small = thumbnail(pixels, [100, 3, 2]);
  expect(small.shape).toEqual([50, 2, 2]);
  expect([...small.pixels.subarray(0, 6)]).toEqual([5, 7, 5, 7, 25, 7]);
  expect(thumbnail(pixels, [50, 6, 2]).pixels).toBe(pixels);
});

test('a heat map whose counts and names do not fit is refused', () => {
  const map: HeatMap = { id: 'm', title: 't', names: ['a'], rowLabel: 'r', columnLabel: 'c', counts: [1] };
  expect(heatMapHtml(map)).toContain('</svg>');
  expect(heatMapHtml(map)).toBe(heatMapHtml(map));
  const code = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' });
  expect(() => heatMapHtml({ ...map, counts: [1, 2] })).toThrow(code);
  expect(() => heatMapHtml({ ...map, names: [] })).toThrow(code);
  expect(() => heatMapHtml({ ...map, names: Array(51).fill('a'), counts: Array(51 * 51).fill(0) })).toThrow(code);
  const page = { title: 't', lead: 'l', tables: [], charts: [], settings: {} };
  const write = (heatMaps: unknown) => () => writeReport(temporaryFolder(), { ...page, heatMaps } as never);
  expect(write([{ ...map, colour: 1 }])).toThrow(/a heat map has no option "colour"/);
  expect(write([map, map])).toThrow(/the ids of charts/);
});

describeInBrowser('an evaluation in a browser', () => {
  test.each([
    { scheme: 'light' },
    { scheme: 'dark', width: 360, height: 740 },
    { scheme: 'light', scripts: false },
  ] as const)('is complete and readable: %o', async (view) => {
    const parts = evaluationParts(evaluation, await mistakesOf(images, evaluation));
    const page = { title: 'An evaluation', lead: 'Drawn numbers.', settings: { classes: 4 }, ...parts };
    const { report } = writeReport(temporaryFolder(), page);
    const { page: opened, problems, figures, close } = await openReport(report, view);
    expect(problems).toEqual([]);
    expect(figures.map(({ id, visible }) => [id, visible])).toEqual([
      ['calibration', true],
      ['confusion', true],
    ]);
    // The count of each cell that is not empty, in the cell.
    const counts = [...evaluation.confusion].filter((count) => count > 0).map(String);
    expect(figures[1]!.texts).toEqual(expect.arrayContaining([...counts, 'ape', '<b>bee</b>', 'class', 'guess']));
    const cells = opened.locator('#confusion .plot svg path[fill^="rgb"]');
    expect(await cells.count()).toBe(counts.length);
    const frame = (await opened.locator('#confusion .plot svg').boundingBox())!;
    for (const cell of await cells.all()) {
      const box = (await cell.boundingBox())!;
      expect(box.x >= frame.x && box.x + box.width <= frame.x + frame.width).toBe(true);
      expect(Math.abs(box.width - box.height)).toBeLessThan(1);
    }
    await opened.locator('#confusion summary').click();
    const first = await opened.locator('#confusion tbody tr').first().locator('th, td').allTextContents();
    expect(first).toEqual(['ape', ...[...evaluation.confusion.subarray(0, 4)].map(String)]);

    const pictures = opened.locator('.gallery img');
    expect(await pictures.count()).toBe(6);
    const loaded = await pictures.evaluateAll((all) =>
      all.map((one) => (one as unknown as { complete: boolean; naturalWidth: number }).naturalWidth),
    );
    expect(loaded).toEqual(Array(6).fill(8));
    await close();
  });
});
