/** Sums over predictions, from which an Evaluation is made: they take predictions in pieces, so that a data set may be of any size. */
import { invalid, SaturnnError } from '../errors';
import { averageScores, classScores } from './confusion';
import type { Calibration, CalibrationBin, Evaluation, Mistake } from './evaluation';

/** Predictions of consecutive images. */
export interface PredictedRows {
  /** Class of each image, 0 to classes - 1. */
  readonly labels: ArrayLike<number>;
  /** Probabilities, `[labels.length, classes]`, row-major. */
  readonly probabilities: Float32Array | Float64Array;
  /** The logits that the probabilities are the softmax of: the loss is then exact also where a probability is rounded to 0. */
  readonly logits?: Float32Array;
}

/** Settings of EvaluationSums. */
export interface SumsOptions {
  readonly classes: number;
  /** The number of bins of the calibration. Default 15. */
  readonly bins?: number | undefined;
  /** The most mistakes that are kept. Default 24. */
  readonly mistakes?: number | undefined;
}

/** The defaults of SumsOptions. */
export const sumsDefaults = { bins: 15, mistakes: 24 } as const;

/** The largest k of Evaluation.topK. */
const largestK = 10;

/** The most classes: the confusion matrix has 1 GiB then. */
const mostClasses = 2 ** 14;

/** Returns a confusion matrix without images. @throws ERR_INVALID_ARGUMENT for too many classes; ERR_OUT_OF_MEMORY */
function emptyMatrix(classes: number): Uint32Array {
  if (classes > mostClasses) throw invalid('the number of classes', `at most ${mostClasses}`, classes);
  try {
    return new Uint32Array(classes ** 2);
  } catch (cause) {
    const message = `The confusion matrix of ${classes} classes needs ${4 * classes ** 2} bytes`;
    throw new SaturnnError('ERR_OUT_OF_MEMORY', message, { cause });
  }
}

/** Sums over the predictions of the images of a data set, in its order. */
export class EvaluationSums {
  readonly #classes: number;
  readonly #confusion: Uint32Array;
  /** Images whose label is the guess number `index`, from 0. */
  readonly #ranks: Float64Array;
  readonly #bins: { count: number; confidence: number; right: number }[];
  readonly #mostMistakes: number;
  /** The largest loss first. */
  readonly #mistakes: Mistake[] = [];
  #count = 0;
  #loss = 0;
  #brier = 0;

  constructor({ classes, bins = sumsDefaults.bins, mistakes = sumsDefaults.mistakes }: SumsOptions) {
    this.#classes = classes;
    this.#confusion = emptyMatrix(classes);
    this.#ranks = new Float64Array(Math.min(classes, largestK));
    this.#bins = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, right: 0 }));
    this.#mostMistakes = mistakes;
  }

  /** The number of images so far. */
  get count(): number {
    return this.#count;
  }

  /** Adds the images that follow those of the last call. All numbers must be finite. */
  add({ labels, probabilities, logits }: PredictedRows): void {
    const classes = this.#classes;
    for (let row = 0; row < labels.length; row++) {
      const part = <T extends Float32Array | Float64Array>(of: T) =>
        of.subarray(row * classes, (row + 1) * classes) as T;
      this.#addRow(labels[row]!, part(probabilities), logits && part(logits));
    }
  }

  #addRow(label: number, probabilities: Float32Array | Float64Array, logits?: Float32Array): void {
    // Small probabilities may be rounded to equal numbers where the logits differ.
    const { guess, rank } = placesOf(logits ?? probabilities, label);
    const loss = logits ? lossOfLogits(logits, label) : lossOf(probabilities, label);
    const probability = probabilities[guess]!;
    this.#confusion[label * this.#classes + guess]! += 1;
    if (rank < this.#ranks.length) this.#ranks[rank]! += 1;
    this.#loss += loss;
    this.#brier += brierOf(probabilities, label);
    const bin = this.#bins[binOf(probability, this.#bins.length)]!;
    bin.count++;
    bin.confidence += probability;
    if (guess === label) bin.right++;
    else {
      const labelProbability = probabilities[label]!;
      this.#addMistake({ index: this.#count, label, guess, probability, labelProbability, loss });
    }
    this.#count++;
  }

  #addMistake(mistake: Mistake): void {
    const list = this.#mistakes;
    if (list.length === this.#mostMistakes && !(mistake.loss > (list.at(-1)?.loss ?? Number.POSITIVE_INFINITY))) return;
    const after = list.findIndex(({ loss }) => loss < mistake.loss);
    list.splice(after < 0 ? list.length : after, 0, mistake);
    list.length = Math.min(list.length, this.#mostMistakes);
  }

  /** Returns the evaluation of all images, of which there must be one at least. It is called once, after the last of them. */
  result(classNames: readonly string[] | null): Evaluation {
    const [classes, count] = [this.#classes, this.#count];
    let within = 0;
    const topK = Array.from(this.#ranks, (images) => {
      within += images;
      return within / count;
    });
    const confusion = this.#confusion;
    const perClass = classScores(confusion, classes, classNames);
    const occurs = guessedOrPresent(confusion, classes);
    return {
      loss: this.#loss / count,
      ...{ accuracy: topK[0]!, top5: topK[Math.min(5, topK.length) - 1]!, topK },
      ...{ count, classes, classNames, confusion, perClass },
      macro: averageScores(perClass, ({ label }) => (occurs[label] ? 1 : 0)),
      weighted: averageScores(perClass, ({ support }) => support),
      calibration: this.#calibration(),
      mistakes: [...this.#mistakes],
    };
  }

  #calibration(): Calibration {
    const width = 1 / this.#bins.length;
    const bins = this.#bins.map(({ count, confidence, right }, index): CalibrationBin => {
      const range = { from: index * width, to: index + 1 === this.#bins.length ? 1 : (index + 1) * width };
      if (count === 0) return { ...range, count, confidence: null, accuracy: null };
      return { ...range, count, confidence: confidence / count, accuracy: right / count };
    });
    const gaps = this.#bins.map(({ confidence, right }) => Math.abs(right - confidence));
    return { bins, ece: gaps.reduce((sum, gap) => sum + gap, 0) / this.#count, brier: this.#brier / this.#count };
  }
}

/** Returns the best guess, and how many classes come before the label. Of equal scores, the smaller index comes first. */
function placesOf(scores: Float32Array | Float64Array, label: number): { guess: number; rank: number } {
  const own = scores[label]!;
  let guess = 0;
  let rank = 0;
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index]!;
    if (score > scores[guess]!) guess = index;
    if (score > own || (score === own && index < label)) rank++;
  }
  return { guess, rank };
}

/** Returns -log of the label's probability. As in scikit-learn, a probability counts as the distance of 1 to the next number at least. */
function lossOf(probabilities: Float32Array | Float64Array, label: number): number {
  const smallest = probabilities instanceof Float64Array ? 2 ** -52 : 2 ** -23;
  return -Math.log(Math.min(Math.max(probabilities[label]!, smallest), 1 - smallest));
}

/** Returns log(sum of e^logit) minus the label's logit. */
function lossOfLogits(logits: Float32Array, label: number): number {
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return Math.log(sum) + most - logits[label]!;
}

function brierOf(probabilities: Float32Array | Float64Array, label: number): number {
  let sum = 0;
  for (let index = 0; index < probabilities.length; index++)
    sum += (probabilities[index]! - (index === label ? 1 : 0)) ** 2;
  return sum;
}

/** Returns the index of the bin of a probability: bin i holds those above i / bins, up to (i + 1) / bins. */
function binOf(probability: number, bins: number): number {
  return Math.min(bins - 1, Math.max(0, Math.ceil(probability * bins) - 1));
}

/** Returns for each class whether an image of it exists, or an image was taken for it. */
function guessedOrPresent(matrix: Uint32Array, classes: number): readonly boolean[] {
  const occurs = new Array<boolean>(classes).fill(false);
  matrix.forEach((count, place) => {
    if (count > 0) occurs[Math.floor(place / classes)] = occurs[place % classes] = true;
  });
  return occurs;
}
