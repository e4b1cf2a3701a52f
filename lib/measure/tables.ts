/** A report as a person reads it. */
import { table } from '../report/textTable';
import type { BenchReport, ComparedRow, ConvolutionRow } from './report';

const percent = (part: number): string => `${(100 * part).toFixed(0)} %`;
/** Convolutions in the table: those that lose the most time. */
const mostConvolutions = 16;

export function formatReport(report: BenchReport): string {
  const texts = [ceilings(report), steps(report), convolutions(report), kernels(report), notRun(report)];
  const note = report.smoke ? 'smoke: tiny sizes, no figure here means anything\n' : '';
  return `${note}${texts.filter(Boolean).join('\n')}`;
}

function ceilings({ ceilings, device }: BenchReport): string {
  const rows = Object.entries(ceilings).map(([precision, it]) => [
    precision,
    it.gigaflopsPerSecond.toFixed(0),
    it.implementation,
    it.gigabytesPerSecond.toFixed(0),
  ]);
  const header = ['ceilings, measured now', 'GFLOP/s of a matrix product', 'by', 'GB/s of a copy'];
  return `${device.name}\n${table(header, rows)}`;
}

function steps({ steps }: BenchReport): string {
  if (steps.length === 0) return '';
  const header = ['step', 'batch', 'precision', 'ms', 'images/s', 'TFLOP/s', 'floor ms', 'of floor', 'arena MB'];
  const rows = steps.map((row) => [
    `${row.model} ${row.activation}${row.autotune ? '' : ', not tuned'}`,
    String(row.batch),
    row.precision,
    row.milliseconds.toFixed(2),
    row.imagesPerSecond.toFixed(0),
    (row.gigaflopsPerSecond / 1000).toFixed(2),
    row.floors.roofline.toFixed(2),
    percent(row.ofRoofline),
    (row.arenaBytes / 1e6).toFixed(0),
  ]);
  const note =
    'The floor is, kernel by kernel, what the ceilings allow: operations of direct convolutions, least bytes.';
  return `${table(header, rows)}${note}\n`;
}

function convolutions({ convolutions: all }: BenchReport): string {
  if (all.length === 0) return '';
  const kinds = new Map<string, ConvolutionRow[]>();
  for (const row of all) {
    const kind = `${row.precision}, batch ${row.batch}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), row]);
  }
  return [...kinds].map(([kind, rows]) => convolutionTable(kind, rows)).join('\n');
}

function convolutionTable(kind: string, all: readonly ConvolutionRow[]): string {
  const lost = ({ milliseconds, ofRoofline }: ConvolutionRow) => milliseconds * (1 - ofRoofline);
  const rows = [...all].sort((a, b) => lost(b) - lost(a)).slice(0, mostConvolutions);
  const header = [`convolutions, ${kind}`, 'layer', 'shape', 'ms', 'GFLOP/s', 'of product', 'of floor', 'by'];
  const cells = rows.map((row) => [
    row.op,
    row.layer,
    row.shape,
    row.milliseconds.toFixed(3),
    row.gigaflopsPerSecond.toFixed(0),
    percent(row.ofProduct),
    percent(row.ofRoofline),
    row.implementation,
  ]);
  const sums = [...new Set(all.map(({ op }) => op))].map((op) => {
    const own = all.filter((row) => row.op === op);
    const sum = (of: (row: ConvolutionRow) => number) => own.reduce((total, row) => total + of(row), 0);
    const milliseconds = sum((row) => row.milliseconds);
    const floor = sum((row) => row.milliseconds * row.ofRoofline);
    return `${op} ${milliseconds.toFixed(2)} ms (${percent(floor / milliseconds)} of floor)`;
  });
  return `${table(header, cells)}${all.length} in all, those first that lose the most time: ${sums.join(', ')}\n`;
}

function kernels({ kernels }: BenchReport): string {
  if (kernels.length === 0) return '';
  const header = ['kernel', 'precision', 'MB', 'ms', 'GB/s', 'of copy', 'target'];
  const rows = kernels.map((row) => [
    row.name,
    row.precision,
    (row.bytes / 1e6).toFixed(1),
    row.milliseconds.toFixed(3),
    row.gigabytesPerSecond.toFixed(0),
    percent(row.ofCopy),
    row.target === null ? '-' : `${row.ofCopy >= row.target ? '' : 'BELOW '}${percent(row.target)}`,
  ]);
  return table(header, rows);
}

const notRun = ({ notRun, failed }: BenchReport): string =>
  [...notRun.map((text) => `not run: ${text}\n`), ...failed.map((text) => `FAILED: ${text}\n`)].join('');

export function formatComparison(rows: readonly ComparedRow[], before: string): string {
  const header = [`against ${before}`, 'was', 'is', 'ratio', 'noise', ''];
  const cells = rows.map(({ key, was, is, ratio, noise, verdict }) => [
    key,
    was.toPrecision(4),
    is.toPrecision(4),
    ratio.toFixed(3),
    percent(noise),
    verdict,
  ]);
  const slower = rows.filter(({ verdict }) => verdict === 'SLOWER').length;
  return `${table(header, cells)}${rows.length} compared, ${slower} slower beyond noise\n`;
}
