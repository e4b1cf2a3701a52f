/** Evaluations of networks that compute no classes: numbers, or several labels of each image. docs/evaluation.md has the formulas. */
import type { ClassScores, Evaluation } from './evaluation';
import type { MetricsKind } from './metrics';

/** The errors of one output of a network that computes numbers. */
export interface OutputErrors {
  /** Index of the output, from 0. */
  readonly output: number;
  /** Mean of |output - target| over the images. */
  readonly meanAbsoluteError: number;
  /** Root of the mean of (output - target)^2. */
  readonly rootMeanSquaredError: number;
}

/** The result of evaluate() of a network that computes numbers. */
export interface NumbersEvaluation {
  /** Mean loss over all images, without weights. */
  readonly loss: number;
  /** Mean of |output - target| over all images and outputs. */
  readonly meanAbsoluteError: number;
  /** Root of the mean of (output - target)^2 over all images and outputs. */
  readonly rootMeanSquaredError: number;
  /** The number of images. */
  readonly count: number;
  /** The errors of each output, in their order. */
  readonly perOutput: readonly OutputErrors[];
}

/** The result of evaluate() of a network that finds several labels of each image. A label is guessed if its probability is above 1/2. */
export interface LabelsEvaluation {
  /** Mean loss over all images, without weights. */
  readonly loss: number;
  /** Share of the labels of all images that are right: guessed and present, or neither. */
  readonly labelAccuracy: number;
  /** Share of the images whose labels are all right. */
  readonly exactMatch: number;
  /** F1 of all labels together: 2 true positives / (guessed + present). */
  readonly microF1: number;
  /** Mean of the F1 of the labels. */
  readonly macroF1: number;
  /** The number of images. */
  readonly count: number;
  /** Scores of each label, in their order; `support` is the number of images that have it. */
  readonly perLabel: readonly ClassScores[];
}

/** The result of evaluate(): which one says the loss of the training. */
export type AnyEvaluation = Evaluation | NumbersEvaluation | LabelsEvaluation;

/** Divides; a denominator of 0 gives 0. */
const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** Sums over the outputs of a network and their targets, from which an evaluation is made. */
export class TargetSums {
  #count = 0;
  #exact = 0;
  #crossEntropy = 0;
  readonly #absolute: Float64Array;
  readonly #squared: Float64Array;
  readonly #guessed: Float64Array;
  readonly #present: Float64Array;
  readonly #both: Float64Array;

  /** @param width outputs of the network */
  constructor(private readonly width: number) {
    const zeros = () => new Float64Array(width);
    [this.#absolute, this.#squared] = [zeros(), zeros()];
    [this.#guessed, this.#present, this.#both] = [zeros(), zeros(), zeros()];
  }

  /** The number of images so far. */
  get count(): number {
    return this.#count;
  }

  /** Adds images: their outputs and targets, [images, width] each. */
  add(outputs: Float32Array, targets: Float32Array): void {
    const { width } = this;
    for (let first = 0; first < outputs.length; first += width) {
      let isExact = true;
      for (let k = 0; k < width; k++) {
        const [output, target] = [outputs[first + k]!, targets[first + k]!];
        this.#absolute[k]! += Math.abs(output - target);
        this.#squared[k]! += (output - target) ** 2;
        this.#crossEntropy += Math.max(output, 0) - output * target + Math.log1p(Math.exp(-Math.abs(output)));
        const [isGuessed, isPresent] = [output > 0, target > 0.5];
        if (isGuessed) this.#guessed[k]!++;
        if (isPresent) this.#present[k]!++;
        if (isGuessed && isPresent) this.#both[k]!++;
        isExact &&= isGuessed === isPresent;
      }
      this.#count++;
      if (isExact) this.#exact++;
    }
  }

  /** Returns a loss of saturnn by its name; NaN for another one. */
  loss(name: string): number {
    const sums: Readonly<Record<string, number>> = {
      meanSquaredError: total(this.#squared),
      meanAbsoluteError: total(this.#absolute),
      binaryCrossEntropy: this.#crossEntropy,
    };
    return (sums[name] ?? Number.NaN) / (this.#count * this.width);
  }

  /**
   * Returns the evaluation of all images, of which there must be one at least.
   * @param names one name per output; null if they are not known
   */
  result(kind: MetricsKind, loss: number, names: readonly string[] | null): NumbersEvaluation | LabelsEvaluation {
    return kind === 'labels' ? this.#labels(loss, names) : this.#numbers(loss);
  }

  #numbers(loss: number): NumbersEvaluation {
    const count = this.#count;
    const whole = count * this.width;
    const perOutput = Array.from(this.#absolute, (absolute, output) => ({
      output,
      meanAbsoluteError: absolute / count,
      rootMeanSquaredError: Math.sqrt(this.#squared[output]! / count),
    }));
    const meanAbsoluteError = total(this.#absolute) / whole;
    return { loss, meanAbsoluteError, rootMeanSquaredError: Math.sqrt(total(this.#squared) / whole), count, perOutput };
  }

  #labels(loss: number, names: readonly string[] | null): LabelsEvaluation {
    const [count, guessed, present, both] = [this.#count, this.#guessed, this.#present, this.#both];
    const wrong = total(guessed) + total(present) - 2 * total(both);
    const perLabel = Array.from(both, (right, label) => ({
      ...{ label, name: names?.[label] ?? null, support: present[label]! },
      precision: share(right, guessed[label]!),
      recall: share(right, present[label]!),
      f1: share(2 * right, guessed[label]! + present[label]!),
    }));
    return {
      loss,
      labelAccuracy: 1 - wrong / (count * this.width),
      exactMatch: this.#exact / count,
      microF1: share(2 * total(both), total(guessed) + total(present)),
      macroF1: perLabel.reduce((sum, { f1 }) => sum + f1, 0) / this.width,
      ...{ count, perLabel },
    };
  }
}

const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
