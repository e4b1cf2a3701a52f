/** The results of an evaluation: what a network's guesses for labelled images are worth. docs/evaluation.md has the formulas. */

/** Precision, recall and F1, 0 to 1 each. A quotient whose denominator is 0 counts as 0. */
export interface Scores {
  /** Of the images that were taken for the class, the fraction that belongs to it; 0 if there are none. */
  readonly precision: number;
  /** Of the images of the class, the fraction that was recognised; 0 if there are none. */
  readonly recall: number;
  /** Harmonic mean of precision and recall; 0 if both are 0. */
  readonly f1: number;
}

/** The scores of one class. */
export interface ClassScores extends Scores {
  /** Index of the class, from 0. */
  readonly label: number;
  /** Name of the class; null if it is not known. */
  readonly name: string | null;
  /** The number of images of the class. */
  readonly support: number;
}

/** Images whose best guess has a probability in one range. */
export interface CalibrationBin {
  /** Lower end of the range, which itself belongs to the bin below. */
  readonly from: number;
  /** Upper end of the range, which belongs to this bin. */
  readonly to: number;
  /** The number of images. */
  readonly count: number;
  /** Mean probability of their best guess; null without images. */
  readonly confidence: number | null;
  /** Fraction of them whose best guess is right; null without images. */
  readonly accuracy: number | null;
}

/** How far the probabilities can be trusted: of all guesses with a probability of 0.8, 80% should be right. */
export interface Calibration {
  /** Bins of equal width, from 0 to 1. */
  readonly bins: readonly CalibrationBin[];
  /** Expected calibration error, 0 to 1: mean of |accuracy - confidence| over the bins, weighted by their images. */
  readonly ece: number;
  /** Brier score, 0 to 2: mean over the images of the sum of (probability - 1 or 0)^2 over all classes. */
  readonly brier: number;
}

/** An image whose best guess is wrong. */
export interface Mistake {
  /** Index of the image in the data set. */
  readonly index: number;
  /** Class of the image. */
  readonly label: number;
  /** Class that it was taken for. */
  readonly guess: number;
  /** Probability of the guess. */
  readonly probability: number;
  /** Probability of the label. */
  readonly labelProbability: number;
  /** Cross-entropy of the image, in nats. */
  readonly loss: number;
}

/** The result of evaluate() of a Trainer and a Predictor, and of evaluatePredictions(). */
export interface Evaluation {
  /** Mean cross-entropy over all images, in nats, without label smoothing. */
  readonly loss: number;
  /** Fraction of the images whose label is the best guess, 0 to 1. */
  readonly accuracy: number;
  /** Fraction of the images whose label is among the five best guesses, 0 to 1; 1 with five classes or fewer. */
  readonly top5: number;
  /**
   * `topK[k - 1]` is the fraction of the images whose label is among the k best guesses, for k from 1 to 10 or to the number of
   * classes, if that is smaller. Of equal guesses, the smaller index comes first.
   */
  readonly topK: readonly number[];
  /** The number of images. */
  readonly count: number;
  /** The number of classes of the network. */
  readonly classes: number;
  /** One name per class; null if they are not known. */
  readonly classNames: readonly string[] | null;
  /** Numbers of images, `[classes, classes]`, row-major: the row is the label, the column the best guess. */
  readonly confusion: Uint32Array;
  /** Scores of each class, in the order of the classes. */
  readonly perClass: readonly ClassScores[];
  /** Mean of the scores over the classes that occur, as a label or as a best guess. */
  readonly macro: Scores;
  /** Mean of the scores, weighted by the images of each class. */
  readonly weighted: Scores;
  /** How far the probabilities can be trusted. */
  readonly calibration: Calibration;
  /** The images with a wrong guess that have the largest loss, the largest first. */
  readonly mistakes: readonly Mistake[];
}

/** The figures of an Evaluation in a sentence: its loss and its accuracies. */
export type EvaluationSummary = Pick<Evaluation, 'loss' | 'accuracy' | 'top5'>;

/** Returns the name of a class for people: its own name, or "class 3". */
export const nameOfClass = ({ classNames }: Pick<Evaluation, 'classNames'>, label: number): string =>
  classNames?.[label] ?? `class ${label}`;
