/** The report of a table 1: rows, figures, search, trainings, settings, versions. */
import type { ReportPage, ReportTable } from '../../report/page';
import { writeReport } from '../../report/write';
import type { Rates, SearchSettings } from '../rates';
import { figuresOf } from './figures';
import type { Table1 } from './table1';
import { runCells, runHeads, searchCells, searchHeads, table1Cells, table1Heads } from './text';

/** Writes report.html and figures/ into the folder. */
export function writeTable1Report(folder: string, table: Table1): void {
  writeReport(folder, pageOf(table));
}

function pageOf(table: Table1): ReportPage {
  const { settings, rows, complete, trainImages, testImages, versions, device } = table;
  const { preset, model, width, epochs, data, classes, rates, search, ...rest } = settings.fixed;
  const what = `${model} at width ${width} with each activation: ${epochs} epochs of ${trainImages} images of ${data}${classes === null ? '' : ` (${classes} classes)`}, tested on ${testImages}.`;
  return {
    title: `Table 1 of "Revise Saturated Activation Functions", preset ${preset}`,
    lead: complete ? what : `${what} Not complete: trainings are missing.`,
    tables: [mainTable(table), ...(search ? [searchTable(table, search)] : []), trainingsTable(table)],
    charts: figuresOf(rows),
    settings: {
      preset,
      activations: settings.activations.join(', '),
      seeds: Array.from({ length: settings.seeds }, (_, seed) => seed).join(', '),
      ...{ model, width, epochs, data, classes, ...rest },
      'learning rates': ratesText(rates, search),
      ...{ versions, device },
    },
  };
}

function ratesText(rates: Rates, search: SearchSettings | null): string {
  if (rates === 'auto') return `searched: ${search?.grid.join(', ')}`;
  if (typeof rates === 'number') return `${rates}`;
  const own = Object.entries(rates.rates).map(([activation, rate]) => `${activation} ${rate}`);
  return [...own, `${own.length > 0 ? 'others ' : ''}${rates.otherwise}`].join(', ');
}

const mainTable = ({ rows, threshold }: Table1): ReportTable => ({
  title: 'Table 1',
  heads: table1Heads,
  rows: table1Cells(rows),
  note:
    "Train accuracy: mean over the last epoch's augmented images, each as the network was when it saw it. " +
    'Test accuracy: centre crops, after the last epoch. Stuck at chance: a train accuracy of at most ' +
    `${(100 * threshold).toFixed(2)} %, which is chance and three standard errors.`,
});

const searchTable = ({ searches }: Table1, { epochs, limit }: SearchSettings): ReportTable => ({
  title: 'Search for learning rates',
  heads: searchHeads,
  rows: searchCells(searches),
  note:
    `Each rate is tried for ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} of ${limit ?? 'all'} training images; ` +
    'the lowest training loss in the last of them counts.',
});

function trainingsTable({ rows }: Table1): ReportTable {
  const records = rows.flatMap(({ runs }) => runs);
  const diverged = records.flatMap(({ label, status }) =>
    status.kind === 'diverged' ? `${label}: ${status.message}` : [],
  );
  const title = 'Trainings';
  return { title, heads: runHeads, rows: runCells(rows), appendix: true, note: diverged.join(' ') || undefined };
}
