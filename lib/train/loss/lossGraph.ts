/** Makes the loss of a step, and what is measured beside it, as nodes of the step's graph. */
import { invalid } from '../../errors';
import { clamp } from '../../ops/activation';
import { add, multiply } from '../../ops/channels';
import { countCorrect, softmaxCrossEntropy } from '../../ops/classification';
import { linear } from '../../ops/linear';
import { binaryCrossEntropy, mean, meanAbsoluteError, meanSquaredError } from '../../ops/losses';
import { constant, input, isTensor, type Tensor } from '../../tensor/tensor';
import type { ResolvedLoss } from './loss';

/** What a loss is made of. */
export interface Rows {
  /** f32 [batch, outputs]. */
  readonly outputs: Tensor;
  /** i32 [batch]. */
  readonly labels: Tensor;
  /** f32 [batch]; null: none. */
  readonly weights: Tensor | null;
  readonly labelSmoothing: number;
}

/** The loss of a step, and the plan's outputs by which the network is measured. */
export interface StepLoss {
  /** f32 [1]. */
  readonly loss: Tensor;
  /** softmax(outputs), f32 [batch, outputs]; null if the outputs are no scores of classes. */
  readonly probabilities: Tensor | null;
  /** Numbers of a step by name, [1] each: see Tally. */
  readonly measured: Readonly<Record<string, Tensor>>;
}

/** Makes the loss and the metrics of a batch. Inputs: targets (f32 [batch, outputs]), if the loss reads any. */
export function stepLoss({ loss, kind, width }: ResolvedLoss, rows: Rows): StepLoss {
  const { outputs, labels, weights } = rows;
  const targets = width === null ? null : input('targets', [outputs.shape[0]!, width]);
  const options = { labels, ...(weights && { weights }), name: 'loss' };
  if (loss === 'crossEntropy') {
    const { labelSmoothing } = rows;
    const soft = { labelSmoothing, ...(weights && { weights }), ...(targets && { targets }), name: 'loss' };
    return { ...softmaxCrossEntropy(outputs, labels, soft), measured: classesMeasured(outputs, labels) };
  }
  const measured = measuredOf(kind, outputs, labels, targets);
  if (typeof loss !== 'string') {
    const own = loss({ outputs, labels, targets, weights });
    if (!isTensor(own) || own.dtype !== 'f32' || String(own.shape) !== '1')
      throw invalid(
        `the result of loss ${loss.name}()`,
        'a Tensor, f32 [1]',
        isTensor(own) ? `${own.dtype} [${own.shape}]` : own,
      );
    const probabilities = kind === 'classes' ? softmaxCrossEntropy(outputs, labels).probabilities : null;
    return { loss: own, probabilities, measured };
  }
  const functions = { meanSquaredError, meanAbsoluteError, binaryCrossEntropy };
  return { loss: functions[loss](outputs, targets!, options), probabilities: null, measured };
}

function measuredOf(kind: ResolvedLoss['kind'], outputs: Tensor, labels: Tensor, targets: Tensor | null) {
  if (kind === 'classes' || !targets) return classesMeasured(outputs, labels);
  return kind === 'numbers' ? numbersMeasured(outputs, labels, targets) : labelsMeasured(outputs, labels, targets);
}

const classesMeasured = (outputs: Tensor, labels: Tensor) => ({ correct: countCorrect(outputs, labels) });

const numbersMeasured = (outputs: Tensor, labels: Tensor, targets: Tensor) => ({
  absolute: meanAbsoluteError(outputs, targets, { labels, name: 'mean absolute error' }),
  squared: meanSquaredError(outputs, targets, { labels, name: 'mean squared error' }),
});

/** A factor that makes every number but the smallest one of at least 1, so that a clamp makes 0 or 1 of it. */
const steep = 1e38;

/** Makes 1 of numbers above 0, and 0 of others. */
const isPositive = (x: Tensor): Tensor => clamp(multiply(x, steep), { low: 0, high: 1 });

/** A label is guessed if its logit is above 0 (a probability above 1/2), and present if its target is above 1/2. */
function labelsMeasured(outputs: Tensor, labels: Tensor, targets: Tensor) {
  const half = constant(new Float32Array(targets.size).fill(-0.5), targets.shape);
  const [guessed, present] = [isPositive(outputs), isPositive(add(targets, half))];
  const difference = add(guessed, multiply(present, -1));
  const wrong = multiply(difference, difference);
  const ones = constant(new Float32Array(targets.shape[1]!).fill(1), [1, targets.shape[1]!]);
  const rows = { labels, name: 'labels' };
  return {
    wrong: mean(wrong, rows),
    mismatched: mean(clamp(linear(wrong, ones), { high: 1 }), rows),
    both: mean(multiply(guessed, present), rows),
    guessed: mean(guessed, rows),
    present: mean(present, rows),
  };
}
