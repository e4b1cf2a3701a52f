/** The results of all cases, as JSON, as text and as a table for docs/onnx-operators.md. */
import type { NamedCase } from './case';
import { operators } from './operators';
import { type Reason, reasons } from './reasons';
import type { Outcome } from './run';

/** A case and what became of it. */
export interface Finished {
  readonly named: NamedCase;
  readonly outcome: Outcome;
}

/** Results of the cases of one operator, or of a group of cases. */
export interface Row {
  readonly passed: number;
  /** Number of cases that are not claimed, by the key of the reason. */
  readonly notClaimed: Readonly<Partial<Record<Reason, number>>>;
  readonly failed: number;
}

/** The results as they are stored in bench/results/onnx-operators.json. */
export interface Report {
  /** Version of the package onnx, which has the cases. */
  readonly onnx: string;
  readonly saturnn: string;
  readonly seed: number;
  /** ONNX's cases of single nodes, by the names of the operators that are known here. */
  readonly operators: Readonly<Record<string, Row>>;
  /** Cases of single nodes of all other operators: how many cases, and how many operators. */
  readonly others: { readonly cases: number; readonly operators: number };
  /** Cases that write an operator as a network of simpler ones. */
  readonly expanded: Row;
  /** Networks that PyTorch has exported, and other small ones. */
  readonly networks: Row;
  readonly passed: number;
  readonly notClaimed: number;
  readonly failed: number;
}

const isExpanded = ({ name }: NamedCase): boolean => /_expanded/.test(name);

function rowOf(finished: readonly Finished[]): Row {
  const notClaimed: Partial<Record<Reason, number>> = {};
  for (const { outcome } of finished)
    if (outcome.result === 'notClaimed') notClaimed[outcome.reason] = (notClaimed[outcome.reason] ?? 0) + 1;
  const count = (result: Outcome['result']) => finished.filter(({ outcome }) => outcome.result === result).length;
  return { passed: count('passed'), notClaimed, failed: count('failed') };
}

/** Puts results together. */
export function reportOf(finished: readonly Finished[], about: Pick<Report, 'onnx' | 'saturnn' | 'seed'>): Report {
  const nodes = finished.filter(({ named }) => named.kind === 'node' && !isExpanded(named));
  const operatorOf = ({ named }: Finished) => named.operators[0] ?? '';
  const known = nodes.filter((one) => operators[operatorOf(one)]);
  const others = nodes.filter((one) => !known.includes(one));
  const names = [...new Set(known.map(operatorOf))].sort();
  const byOperator = names.map((name) => [name, rowOf(known.filter((one) => operatorOf(one) === name))] as const);
  const all = rowOf(finished);
  return {
    ...about,
    operators: Object.fromEntries(byOperator),
    others: { cases: others.length, operators: new Set(others.map(operatorOf)).size },
    expanded: rowOf(finished.filter(({ named }) => isExpanded(named))),
    networks: rowOf(finished.filter(({ named }) => named.kind !== 'node')),
    passed: all.passed,
    notClaimed: finished.length - all.passed - all.failed,
    failed: all.failed,
  };
}

const sumOf = (counts: Row['notClaimed']): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Returns the reasons of a row, the most frequent first: "other numbers than f32 (7)". */
function reasonsOf({ notClaimed }: Row): string {
  const found = Object.entries(notClaimed).sort(([, a], [, b]) => b - a);
  return found.map(([reason, count]) => `${reasons[reason as Reason]} (${count})`).join('; ');
}

/** Returns the cases of single nodes of the operators that are known here, as one row. */
function totalOf(rows: readonly Row[]): { readonly passed: number; readonly notClaimed: number } {
  return {
    passed: rows.reduce((sum, { passed }) => sum + passed, 0),
    notClaimed: rows.reduce((sum, { notClaimed }) => sum + sumOf(notClaimed), 0),
  };
}

/** Returns the results as a table of Markdown. */
export function markdownOf({ operators: rows, others, expanded, networks }: Report): string {
  const { passed, notClaimed } = totalOf(Object.values(rows));
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const lineOf = (name: string, row: Row) => line([name, row.passed, sumOf(row.notClaimed), reasonsOf(row)]);
  return [
    line(['operator', 'passed', 'not claimed', 'because of']),
    '|---|---|---|---|',
    ...Object.entries(rows).map(([name, row]) => lineOf(name, row)),
    line(['**all of these**', `**${passed}**`, `**${notClaimed}**`, '']),
    line([`the ${others.operators} other operators`, 0, others.cases, reasons.operator]),
    lineOf('operators as networks of simpler ones', expanded),
    lineOf("PyTorch's networks, and other small ones", networks),
  ].join('\n');
}

const marks = ['<!-- begin: npm run check:onnx-ops -->', '<!-- end: npm run check:onnx-ops -->'] as const;

/** Returns the text of a page with the table between its marks. */
export function withTable(page: string, report: Report): string {
  const [begin, end] = marks.map((mark) => page.indexOf(mark)) as [number, number];
  if (begin < 0 || end < begin) throw new Error(`The page does not have the lines ${marks.join(' and ')}`);
  return `${page.slice(0, begin)}${marks[0]}\n${markdownOf(report)}\n${page.slice(end)}`;
}
