/** Report of a Table 1: rows, figures, search, trainings, settings, versions. */
import type { ReportPage, ReportTable } from '../../report/page';
import { writeReport } from '../../report/write';
import type { Rates, SearchSettings } from '../rates';
import { figuresOf } from './figures';
import type { Table1 } from './rows';
import { runCells, runHeads, searchCells, searchHeads, setOf, table1Cells, table1Heads } from './text';

/** Writes report.html and figures/ into the folder. */
export function writeTable1Report(folder: string, table: Table1): void {
  writeReport(folder, pageOf(table));
}

function pageOf(table: Table1): ReportPage {
  const { settings, rows, complete, trainImages, testImages, versions, device } = table;
  const { preset, model, width, epochs, data, classes, rates, search, ...rest } = settings.fixed;
  const what = `${model} at width ${width} with each activation: ${epochs} epochs of ${trainImages} images of ${data}${classes === null ? '' : ` (${classes} classes)`}, tested on ${testImages}${setOf(rows) === 'validation' ? ' other training images, its validation set' : ''}.`;
  return {
    title: `Table 1 of "Revise Saturated Activation Functions", preset ${preset}`,
    lead: complete ? what : `${what} The table is not complete: trainings are missing.`,
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
  heads: table1Heads(rows),
  rows: table1Cells(rows),
  note:
    'Train accuracy is the mean over the augmented images of the last epoch, measured while the network trains on them. ' +
    `${setOf(rows) === 'validation' ? 'Validation' : 'Test'} accuracy is measured with centre crops after the last epoch. ` +
    '"Stuck at chance" means a train accuracy of at most ' +
    `${(100 * threshold).toFixed(2)} %, which is chance plus three standard errors.`,
});

const searchTable = ({ searches }: Table1, { epochs, limit }: SearchSettings): ReportTable => ({
  title: 'Search for learning rates',
  heads: searchHeads,
  rows: searchCells(searches),
  note:
    `Each rate was tried for ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} of ${limit ?? 'all'} training images. ` +
    'The rate with the lowest training loss in the last epoch was chosen.',
});

function trainingsTable({ rows }: Table1): ReportTable {
  const records = rows.flatMap(({ runs }) => runs);
  const diverged = records.flatMap(({ label, status }) =>
    status.kind === 'diverged' ? `${label}: ${status.message}` : [],
  );
  const title = 'Trainings';
  return { title, heads: runHeads(rows), rows: runCells(rows), appendix: true, note: diverged.join(' ') || undefined };
}
