/** An evaluation as text: for a terminal, as CSV and as JSON. */
import { type Evaluation, nameOfClass } from '../evaluation/evaluation';
import { confusedTable, figuresOf, scoresTable } from './evaluation';
import { table } from './textTable';

/** The most pairs of confused classes in a terminal. */
const mostPairs = 10;

/**
 * Returns figures, scores of each class, and the confusion matrix as text. In place of a matrix that is wider than `columns` characters, the
 * pairs of classes that are confused most often.
 */
export function evaluationText(evaluation: Evaluation, columns: number): string {
  const figures = figuresOf(evaluation).map(([name, value]) => `${name}: ${value}`);
  const { heads, rows, note } = scoresTable(evaluation);
  const parts = [`${figures.join('\n')}\n`, table(heads, rows) + (note ? `${note}\n` : '')];
  const matrix = matrixText(evaluation);
  const width = matrix.split('\n').reduce((most, line) => Math.max(most, line.length), 0);
  if (width <= columns) parts.push(`Confusion matrix: a row for each class, a column for each guess\n${matrix}`);
  else {
    const pairs = confusedTable(evaluation, mostPairs).map((of) => `${of.title}\n${table(of.heads, of.rows)}`);
    parts.push(`The confusion matrix needs ${width} columns: --csv and --out write it.\n`, ...pairs);
  }
  return parts.join('\n');
}

function matrixText(evaluation: Evaluation): string {
  const { classes } = evaluation;
  const labels = Array.from({ length: classes }, (_, label) => String(label));
  const rows = rowsOf(evaluation).map((counts, label) => [
    ...[String(label), evaluation.classNames ? nameOfClass(evaluation, label) : ''],
    ...counts.map((count) => (count === 0 ? '-' : String(count))),
  ]);
  return table(['', '', ...labels], rows);
}

/** Returns the rows of the confusion matrix. */
const rowsOf = ({ confusion, classes }: Evaluation): number[][] =>
  Array.from({ length: classes }, (_, row) => [...confusion.subarray(row * classes, (row + 1) * classes)]);

/** Returns an evaluation as plain data for JSON: the matrix as an array of rows. */
export const evaluationData = (evaluation: Evaluation) => ({ ...evaluation, confusion: rowsOf(evaluation) });

/** Quotes a cell of CSV if it has to be (RFC 4180). */
const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const csv = (rows: readonly (readonly (string | number)[])[]): string =>
  rows.map((row) => `${row.map((one) => cell(String(one))).join(',')}\n`).join('');

/** Returns the confusion matrix as CSV: a row for each class, a column for each guess. */
export function confusionCsv(evaluation: Evaluation): string {
  const names = Array.from({ length: evaluation.classes }, (_, label) => nameOfClass(evaluation, label));
  return csv([['class', ...names], ...rowsOf(evaluation).map((counts, label) => [names[label]!, ...counts])]);
}

/** Returns the scores of each class as CSV. */
export const scoresCsv = (evaluation: Evaluation): string =>
  csv([
    ['label', 'class', 'precision', 'recall', 'f1', 'images'],
    ...evaluation.perClass.map(({ label, precision, recall, f1, support }) => [
      ...[label, nameOfClass(evaluation, label), precision, recall, f1, support],
    ]),
  ]);
