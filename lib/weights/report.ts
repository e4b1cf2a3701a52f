/** The report on bringing weights from one file into a network, or into a file of another form. */
import { SaturnnError } from '../errors';
import type { TensorDType } from '../files/tensorTypes';

/** A weight that was found. */
export interface FittedWeight {
  /** Name in saturnn. */
  readonly name: string;
  /** Shape in saturnn. */
  readonly shape: readonly number[];
  /** Name in PyTorch. */
  readonly from: string;
  /** Shape in PyTorch. */
  readonly fromShape: readonly number[];
  /** Dtype in the file that was read. */
  readonly dtype: TensorDType;
  /** Whether the elements lie in another order, as those of convolutions do. */
  readonly reordered: boolean;
  /** Whether the shapes differ in dimensions of 1: [10, 64, 1, 1] and [10, 64]. */
  readonly reshaped: boolean;
}

/** A weight for which the file has no tensor. */
export interface MissingWeight {
  /** Name in saturnn. */
  readonly name: string;
  /** Shape in saturnn. */
  readonly shape: readonly number[];
  /** The names that were looked for, the most probable one first. */
  readonly expected: readonly string[];
  /** The tensor that is probably meant, of those that no weight has taken; null: none is similar. */
  readonly nearest: string | null;
}

/** A weight whose tensor has another shape, or a dtype that is none of weights. */
export interface MisfittingWeight extends Omit<MissingWeight, 'expected'> {
  /** Name of the tensor. */
  readonly from: string;
  readonly dtype: TensorDType;
  /** The shape that the tensor should have. */
  readonly expectedShape: readonly number[];
  /** The shape that it has. */
  readonly receivedShape: readonly number[];
}

/** The result of comparing the weights of a network with the tensors of a file. */
export interface WeightsReport {
  /** Weights that were found, in the order of the network. */
  readonly fitted: readonly FittedWeight[];
  /** Weights for which there is no tensor. */
  readonly missing: readonly MissingWeight[];
  /** Weights whose tensor does not fit. */
  readonly misfitting: readonly MisfittingWeight[];
  /** Tensors that no weight has taken. */
  readonly leftOut: readonly string[];
  /** Tensors of which a network needs nothing, such as num_batches_tracked, and those that the map ignores. */
  readonly ignored: readonly string[];
}

/** Most lines of each kind in a text. */
const mostLines = 20;

/** Returns a line for each weight that was not found or does not fit, at most twenty of each kind. */
export function problemsOf({ missing, misfitting }: WeightsReport): string[] {
  return [
    ...listed(misfitting, (weight) => {
      const { from, dtype, expectedShape, receivedShape, name } = weight;
      const wrong =
        String(expectedShape) === String(receivedShape)
          ? `expected floating-point numbers in "${from}" but received ${dtype}`
          : `expected shape ${shapeText(expectedShape)} for "${from}" but received ${shapeText(receivedShape)}`;
      return `"${name}" ${shapeText(weight.shape)}: ${wrong}${nearestText(weight)}`;
    }),
    ...listed(missing, (weight) => {
      const expected = weight.expected.map((name) => `"${name}"`).join(' or ');
      return `"${weight.name}" ${shapeText(weight.shape)}: there is no ${expected}${nearestText(weight)}`;
    }),
  ];
}

/** Returns the report as text, a line for each kind and each problem. */
export function reportText(report: WeightsReport): string {
  const { fitted, missing, misfitting, leftOut, ignored } = report;
  const some = (items: readonly unknown[], text: string) => (items.length > 0 ? [text] : []);
  const reordered = fitted.filter((weight) => weight.reordered);
  const reshaped = fitted.filter((weight) => weight.reshaped);
  const details = [
    ...some(reordered, `${reordered.length} in another order`),
    ...some(reshaped, `${reshaped.length} in another shape`),
  ];
  const lines = [
    `fitted: ${fitted.length} weights${details.length > 0 ? ` (${details.join(', ')})` : ''}`,
    ...some(misfitting, `do not fit: ${misfitting.length}`),
    ...some(missing, `missing: ${missing.length}`),
    ...problemsOf(report).map((line) => `  ${line}`),
    ...some(leftOut, `left out: ${leftOut.length}`),
    ...listed(leftOut, (name) => `"${name}"`).map((line) => `  ${line}`),
    ...some(ignored, `not needed: ${ignored.length}`),
  ];
  return `${lines.join('\n')}\n`;
}

function listed<T>(items: readonly T[], line: (item: T) => string): string[] {
  const lines = items.slice(0, mostLines).map(line);
  return items.length > mostLines ? [...lines, `and ${items.length - mostLines} more`] : lines;
}

const shapeText = (shape: readonly number[]): string => `[${shape.join(', ')}]`;
const nearestText = ({ nearest }: { readonly nearest: string | null }): string =>
  nearest === null ? '' : `. The nearest is "${nearest}"`;

/** Most problems that a message has. */
const mostProblems = 4;

/** @throws ERR_DATA that names the weights that were not found, and what is nearest */
export function requireComplete(report: WeightsReport, from: string): void {
  const { fitted, missing, misfitting } = report;
  const count = missing.length + misfitting.length;
  if (count === 0) return;
  const problems = problemsOf(report).slice(0, mostProblems).join('; ');
  const more = count > mostProblems ? `; and ${count - mostProblems} more` : '';
  const message = `${from} does not have ${count} of the network's ${fitted.length + count} weights: ${problems}${more}`;
  throw new SaturnnError('ERR_DATA', message);
}

/**
 * Checks that a network has a use for all tensors of a file.
 * @param most the most tensors for which it need not have one
 * @throws ERR_DATA that names those for which it has none
 */
export function requireUsed({ leftOut }: WeightsReport, from: string, most: number): void {
  if (leftOut.length <= most) return;
  const names = listed(leftOut.slice(0, mostProblems), (name) => `"${name}"`).join(', ');
  const more = leftOut.length > mostProblems ? ` and ${leftOut.length - mostProblems} more` : '';
  throw new SaturnnError('ERR_DATA', `${from} has tensors that the network does not have: ${names}${more}`);
}
