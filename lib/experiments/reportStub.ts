/** In place of lib/report until that is there. */
import { join } from 'node:path';
import { writeAtomically } from '../train/files';

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly colour?: number;
  readonly dashed?: boolean;
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
}
export interface Axis {
  readonly label: string;
  readonly log?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly categories?: readonly string[];
}
export interface Chart {
  readonly id: string;
  readonly title: string;
  readonly caption?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}
export interface ReportTable {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly note?: string;
  readonly appendix?: boolean;
}
export interface ReportPage {
  readonly title: string;
  readonly lead: string;
  readonly tables: readonly ReportTable[];
  readonly charts: readonly Chart[];
  readonly settings: Readonly<Record<string, unknown>>;
}
export function writeReport(folder: string, page: ReportPage): { report: string; figures: readonly string[] } {
  const report = join(folder, 'report.html');
  writeAtomically(report, `<pre>${JSON.stringify(page, null, 1).replaceAll('<', '&lt;')}</pre>\n`);
  return { report, figures: [] };
}
