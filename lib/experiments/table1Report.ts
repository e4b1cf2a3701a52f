/** The report of a table 1: rows, figures, search, settings, versions. */
import { environment } from '../bench/harness';
import type { ReportPage, ReportTable } from '../report/page';
import { writeReport } from '../report/write';
import type { Table1 } from './table1';
import { figuresOf } from './table1Figures';
import { runCells, runHeads, searchCells, searchHeads, table1Cells, table1Heads } from './table1Text';

/** Writes report.html and figures/ into the folder. @returns where the report is */
export function writeTable1Report(folder: string, table: Table1, device: Readonly<Record<string, unknown>>): string {
  return writeReport(folder, pageOf(table, device)).report;
}

function pageOf(
  { settings, rows, searches, complete, threshold }: Table1,
  device: Readonly<Record<string, unknown>>,
): ReportPage {
  const { preset, model, width, epochs, rates, search, ...fixed } = settings.fixed;
  const tables: ReportTable[] = [
    {
      title: 'Table 1',
      heads: table1Heads,
      rows: table1Cells(rows),
      note: `Train accuracy: mean over the last epoch's augmented images, each as the network was when it saw it. Test accuracy: centre crops, after the last epoch. Stuck at chance: a train accuracy of at most ${(100 * threshold).toFixed(2)} %, which is chance and three standard errors.`,
    },
  ];
  if (search) {
    const trials = `${search.epochs} ${search.epochs === 1 ? 'epoch' : 'epochs'} of ${search.limit ?? 'all'} training images`;
    const note = `Each rate is tried for ${trials}; the lowest training loss at the end counts.`;
    tables.push({ title: 'Search for learning rates', heads: searchHeads, rows: searchCells(searches), note });
  }
  tables.push({ title: 'Trainings', heads: runHeads, rows: runCells(rows), appendix: true });
  const state = complete ? '' : ' Not complete: trainings are missing.';
  return {
    title: `Table 1 of "Revise Saturated Activation Functions", preset ${preset}`,
    lead: `${model} at width ${width}, ${epochs} epochs of ${fixed.data}.${state}`,
    tables,
    charts: figuresOf(rows),
    settings: {
      preset,
      ...{ activations: settings.activations.join(', '), seeds: seedsText(settings.seeds) },
      ...{ model, width, epochs, ...fixed },
      rates: rates === 'auto' ? `searched: ${search?.grid.join(', ')}` : JSON.stringify(rates),
      versions: environment(),
      device,
    },
  };
}

const seedsText = (seeds: number): string => Array.from({ length: seeds }, (_, seed) => seed).join(', ');
