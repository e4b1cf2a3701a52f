/** The report of `table1`, for trainings of two steps, in a browser. */
import { expect, test } from 'vitest';
import { table1 } from '../../lib/experiments/table1/table1';
import { temporaryFolder } from '../temporary';
import { describeInBrowser, openReport } from './browser';

const folder = temporaryFolder();

describeInBrowser('the report of table1 in a browser', () => {
  test('has four figures with the curves of two models each', async () => {
    const { report } = await table1({
      ...{ preset: 'smoke', out: folder, model: 'subInception', width: 0.03, learningRate: 0.02 },
      ...{ epochs: 2, batch: 8, limit: 8, testLimit: 8 },
      // Sigmoid is missing here because no figure shows it, only the table.
      activations: ['scaledSigmoid', 'tanh', 'relu', 'leakyTanh:0.25', 'leakyRelu:0.25'],
    });
    const { page, problems, figures, close } = await openReport(report);
    expect(problems).toEqual([]);
    expect(figures.map(({ id }) => id)).toEqual(['figure1', 'figure2', 'figure3', 'figure4']);
    for (const figure of figures) {
      expect(figure).toMatchObject({ visible: true, curves: 4 });
      expect(figure.legend.map((name) => name.split(' ').at(-1))).toEqual(['train', 'test', 'train', 'test']);
    }
    expect(await page.locator('#table-1 tbody tr').count()).toBe(5);
    await close();
  });
});
