import { join } from 'node:path';
import { prepareFolder, writeAtomically } from '../files/durable';
import { pathField } from '../options/field';
import { checkArgument, fromData } from '../options/options';
import { chartSvg } from './chart';
import { type ReportPage, reportHtml } from './page';

/**
 * Writes a report: `folder`/report.html and one `folder`/figures/<chart.id>.svg per chart. Missing folders are created; each
 * file is written atomically.
 * @returns the paths of the files
 * @throws ERR_OUTPUT if a folder or file cannot be written; ERR_INVALID_ARGUMENT, before anything is written, if the id of a
 * chart is not unique in the page or cannot be a file name
 */
export function writeReport(
  folder: string,
  page: ReportPage,
): { readonly report: string; readonly figures: readonly string[] } {
  checkArgument('folder', pathField, folder);
  const html = fromData('page', 'the contents of a report', page, () => reportHtml(page));
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
