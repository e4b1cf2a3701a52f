/** An evaluation as parts of a page: figures, confusion matrix, scores of each class, calibration, and the worst mistakes. */
import { type ImageShape, type ImageSource, imageBytes } from '../data/source';
import { mostConfused } from '../evaluation/confusion';
import { type Evaluation, nameOfClass, type Scores } from '../evaluation/evaluation';
import { type MetricName, metricNames, metricTable, metricText } from '../evaluation/metrics';
import type { LabelsEvaluation, NumbersEvaluation } from '../evaluation/others';
import type { ReportPicture } from './gallery';
import { mostNames } from './heatMap';
import type { Chart } from './option';
import type { ReportPage, ReportTable } from './page';

/** The parts of a page that show an evaluation. */
export type EvaluationParts = Required<Pick<ReportPage, 'tables' | 'charts' | 'heatMaps' | 'galleries'>>;

/** The most classes in a table of scores: with more, those with the lowest F1 are shown. */
const mostClasses = 100;
/** The most pairs of classes that are listed. */
const mostPairs = 20;
/** The largest height and width of a picture in a page. */
const largestSide = 96;

export const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
const decimal = (value: number) => value.toFixed(4);
const scoresOf = ({ precision, recall, f1 }: Scores) => [decimal(precision), decimal(recall), decimal(f1)];

/**
 * Returns the parts of a page. Its size is bounded: 50 classes at most have a picture of the matrix, and 100 a row with their scores.
 * @param pictures the images of `evaluation.mistakes`, in that order, from mistakesOf(); empty: no gallery
 */
export function evaluationParts(evaluation: Evaluation, pictures: readonly ReportPicture[]): EvaluationParts {
  const { classes } = evaluation;
  return {
    tables: [figuresTable(evaluation), scoresTable(evaluation), ...confusedTable(evaluation), binsTable(evaluation)],
    charts: [calibrationChart(evaluation)],
    heatMaps: classes > mostNames ? [] : [confusionMap(evaluation)],
    galleries: pictures.length === 0 ? [] : [{ title: 'Worst mistakes', pictures, note: galleryNote }],
  };
}

/** Returns the parts of a page about a network that computes no classes: its figures, and those of each output or label. */
export function otherParts(evaluation: NumbersEvaluation | LabelsEvaluation): EvaluationParts {
  const figures = metricNames.flatMap((name) => {
    const value = (evaluation as Partial<Record<MetricName, number>>)[name];
    return value === undefined ? [] : [[metricTable[name].words, metricText(name, value)]];
  });
  const rows = [['images', String(evaluation.count)], ...figures];
  return {
    tables: [{ title: 'Evaluation', heads: ['figure', 'value'], rows }, partsTable(evaluation)],
    charts: [],
    heatMaps: [],
    galleries: [],
  };
}

function partsTable(evaluation: NumbersEvaluation | LabelsEvaluation): ReportTable {
  if ('perOutput' in evaluation)
    return {
      title: 'Outputs',
      heads: ['output', 'mean absolute error', 'root mean squared error'],
      rows: evaluation.perOutput
        .slice(0, mostClasses)
        .map((of) => [String(of.output), decimal(of.meanAbsoluteError), decimal(of.rootMeanSquaredError)]),
    };
  return {
    title: 'Labels',
    heads: ['label', 'precision', 'recall', 'F1', 'images'],
    rows: evaluation.perLabel
      .slice(0, mostClasses)
      .map((of) => [of.name ?? `label ${of.label}`, ...scoresOf(of), String(of.support)]),
  };
}

const galleryNote =
  'Wrong guesses with the largest loss, the largest first: what it is, what it was taken for, and with which probability.';

/** The figures of an evaluation with their names, as text. */
export function figuresOf(evaluation: Evaluation): readonly (readonly [name: string, value: string])[] {
  const { count, loss, topK, macro, weighted, calibration } = evaluation;
  const tops = [1, 3, 5, 10].filter((k) => k <= topK.length && (k === 1 || k < evaluation.classes));
  return [
    ['images', String(count)],
    ['loss', decimal(loss)],
    ...tops.map((k) => [k === 1 ? 'accuracy' : `top-${k} accuracy`, percent(topK[k - 1]!)] as const),
    ['F1, mean over the classes', decimal(macro.f1)],
    ['F1, weighted by images', decimal(weighted.f1)],
    ['expected calibration error', decimal(calibration.ece)],
    ['Brier score', decimal(calibration.brier)],
  ];
}

function figuresTable(evaluation: Evaluation): ReportTable {
  return { title: 'Evaluation', heads: ['figure', 'value'], rows: figuresOf(evaluation) };
}

/** The scores of each class as a table, then their averages. */
export function scoresTable(evaluation: Evaluation): ReportTable {
  const { perClass, macro, weighted, classes, count } = evaluation;
  const lowest = [...perClass].sort((a, b) => a.f1 - b.f1 || a.label - b.label).slice(0, mostClasses);
  const shown = classes > mostClasses ? lowest : perClass;
  const rows = shown.map((of) => [nameOfClass(evaluation, of.label), ...scoresOf(of), String(of.support)]);
  const averages = [
    ['mean over the classes', ...scoresOf(macro), String(count)],
    ['weighted by images', ...scoresOf(weighted), String(count)],
  ];
  return {
    title: 'Classes',
    heads: ['class', 'precision', 'recall', 'F1', 'images'],
    rows: [...rows, ...averages],
    ...(classes > mostClasses && { note: `The ${mostClasses} of ${classes} classes with the lowest F1.` }),
  };
}

/** The pairs of classes that are taken for each other most often; an empty list if there are none. */
export function confusedTable(evaluation: Evaluation, most = mostPairs): readonly ReportTable[] {
  const pairs = mostConfused(evaluation, most);
  if (pairs.length === 0) return [];
  const rows = pairs.map(({ label, guess, count, share }) => [
    ...[nameOfClass(evaluation, label), nameOfClass(evaluation, guess)],
    ...[String(count), percent(share)],
  ]);
  const many = evaluation.classes > mostNames;
  const note = `A picture of the whole matrix is drawn for ${mostNames} classes at most.`;
  const heads = ['class', 'taken for', 'images', 'of the class'];
  return [{ title: 'Most confused classes', heads, rows, ...(many && { note }), appendix: !many }];
}

function binsTable({ calibration }: Evaluation): ReportTable {
  const rows = calibration.bins
    .filter(({ count }) => count > 0)
    .map(({ from, to, count, confidence, accuracy }) => [
      ...[`${from.toFixed(2)} to ${to.toFixed(2)}`, String(count)],
      ...[decimal(confidence!), decimal(accuracy!)],
    ]);
  const heads = ['probability of the guess', 'images', 'mean probability', 'fraction right'];
  return { title: 'Calibration bins', heads, rows, appendix: true };
}

function calibrationChart({ calibration: { bins, ece, brier } }: Evaluation): Chart {
  const filled = bins.filter(({ count }) => count > 0);
  return {
    id: 'calibration',
    title: 'Calibration',
    caption: `Of the guesses that the network gives a probability, the fraction that is right. On the dashed line, probabilities mean what they say. Expected calibration error ${decimal(ece)}, Brier score ${decimal(brier)}.`,
    x: { label: 'mean probability of the guess', min: 0, max: 1 },
    y: { label: 'fraction right', min: 0, max: 1 },
    series: [
      { name: 'network', points: filled.map(({ confidence, accuracy }) => [confidence!, accuracy!] as const) },
      {
        ...{ name: 'perfectly calibrated', dashed: true },
        points: [
          [0, 0],
          [1, 1],
        ],
      },
    ],
  };
}

function confusionMap(evaluation: Evaluation): EvaluationParts['heatMaps'][number] {
  const { classes, confusion } = evaluation;
  return {
    ...{ id: 'confusion', title: 'Confusion matrix', rowLabel: 'class', columnLabel: 'guess' },
    caption: 'Numbers of images. A cell is as dark as its share of the row; guesses on the diagonal are right.',
    names: Array.from({ length: classes }, (_, label) => nameOfClass(evaluation, label)),
    counts: [...confusion],
  };
}

/** Reads the images of an evaluation's mistakes from its source, and makes them small enough for a page. */
export async function mistakesOf(source: ImageSource, evaluation: Evaluation): Promise<ReportPicture[]> {
  const { mistakes } = evaluation;
  if (mistakes.length === 0) return [];
  const size = imageBytes(source);
  const target = new Uint8Array(mistakes.length * size);
  await source.read(
    Int32Array.from(mistakes, ({ index }) => index),
    target,
  );
  return mistakes.map(({ index, label, guess, probability }, row) => {
    const names = [label, guess].map((of) => nameOfClass(evaluation, of));
    const caption = `${names[0]}, taken for ${names[1]} (${percent(probability)}), image ${index}`;
    return { ...thumbnail(target.subarray(row * size, (row + 1) * size), source.shape), caption };
  });
}

/** Returns an image whose sides are at most 96 pixels, by means over squares of pixels. */
export function thumbnail(pixels: Uint8Array, shape: ImageShape): Pick<ReportPicture, 'pixels' | 'shape'> {
  const [height, width, channels] = shape;
  const factor = Math.ceil(Math.max(height, width) / largestSide);
  if (factor === 1) return { pixels, shape };
  const [rows, columns] = [Math.ceil(height / factor), Math.ceil(width / factor)];
  const small = new Uint8Array(rows * columns * channels);
  for (let place = 0; place < small.length; place++) {
    const channel = place % channels;
    const [row, column] = [Math.floor(place / channels / columns), Math.floor(place / channels) % columns];
    let [sum, count] = [0, 0];
    for (let y = row * factor; y < Math.min((row + 1) * factor, height); y++)
      for (let x = column * factor; x < Math.min((column + 1) * factor, width); x++, count++)
        sum += pixels[(y * width + x) * channels + channel]!;
    small[place] = Math.round(sum / count);
  }
  return { pixels: small, shape: [rows, columns, channels] };
}
