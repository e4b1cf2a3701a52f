import { join } from 'node:path';
import { prepareFolder, writeAtomically } from '../files/durable';
import { chartSvg } from './chart';
import { type ReportPage, reportHtml } from './page';

/**
 * Writes FOLDER/report.html and FOLDER/figures/<chart.id>.svg, each whole or not at all. Folders are made.
 * @returns the paths
 * @throws ERR_OUTPUT; ERR_INVALID_ARGUMENT before anything is written
 */
export function writeReport(
  folder: string,
  page: ReportPage,
): { readonly report: string; readonly figures: readonly string[] } {
  const html = reportHtml(page);
  const drawings = page.charts.map((chart) => ({ name: `${chart.id}.svg`, svg: chartSvg(chart) }));
  const root = prepareFolder(folder);
  const report = join(root, 'report.html');
  if (drawings.length > 0) prepareFolder(join(root, 'figures'));
  const figures = drawings.map(({ name, svg }) => {
    const path = join(root, 'figures', name);
    writeAtomically(path, svg);
    return path;
  });
  writeAtomically(report, html);
  return { report, figures };
}
