/** The text of `saturnn inspect FILE` about a model file, beside its layers. */
import { show } from '../errors';
import { table } from '../report/textTable';
import type { Description } from '../train/checkpoint/checkpointInfo';
import type { CardMetrics, CardOrigin, ModelCard } from '../train/modelFile/card';
import type { LoadedModel } from '../train/modelFile/loadModel';
import { metricsText } from './terminal/progress';

/** Most names of classes that are printed. */
const mostNames = 12;

/** Returns what a model file says of its network: images, classes, and its card. */
export function modelFileText(path: string, { model, statistics, classNames, decoding, card }: LoadedModel): string {
  const { name, inputShape, classes } = model;
  const { imageShape, meanShape } = statistics;
  const stored = imageShape && String(imageShape) !== String(inputShape) ? ` of images ${imageShape.join(' x ')}` : '';
  const rows: [string, string][] = [
    ['network', name],
    ['file', path],
    ['images', `${inputShape.join(' x ')}${stored}`],
    [
      'normalised by',
      `a mean per ${meanShape.length === 1 ? 'channel' : 'pixel'}: ${listed(statistics.mean)}; scale ${listed(statistics.scale)}`,
    ],
    ...(decoding ? [['pictures', `fit: ${decoding.fit}`] as [string, string]] : []),
    ['classes', `${classes}${classNames ? `: ${namesText(classNames)}` : ''}`],
    ...(card ? cardRows(card) : []),
  ];
  return table(['', ''], rows).slice(1);
}

const listed = (numbers: Float32Array): string => {
  const [first, ...more] = Array.from(numbers.subarray(0, 4), (value) => `${Number(value.toPrecision(4))}`);
  return `${[first, ...more].join(', ')}${numbers.length > 4 ? ', …' : ''}`;
};

const namesText = (names: readonly string[]): string =>
  `${names.slice(0, mostNames).join(', ')}${names.length > mostNames ? ', …' : ''}`;

function cardRows({ saturnn, step, metrics, train, test, settings, from }: ModelCard): [string, string][] {
  return [
    ['written by', `saturnn ${show(saturnn).slice(1, -1)}`],
    ['trained', `${step} steps on ${dataText(train)}`],
    ...(test ? [[metrics?.evaluated ? 'validated' : 'tested', `on ${dataText(test)}`] as [string, string]] : []),
    ...(metrics ? [['metrics', cardMetricsText(metrics)] as [string, string]] : []),
    ...originsOf(from).map((origin): [string, string] => ['fine-tuned from', originText(origin)]),
    ...Object.entries(settings)
      .map(([name, value]): [string, string] => [name, settingText(value)])
      .filter(([, text]) => text !== '{}' && text !== ''),
  ];
}

/** Returns the file of weights with which a training began, the one with which that training began, and so on. */
function originsOf(from: CardOrigin | undefined): CardOrigin[] {
  const origins: CardOrigin[] = [];
  for (let origin = from; origin; origin = origin.card?.from) origins.push(origin);
  return origins;
}

function originText({ file, sha256, network, classes, card }: CardOrigin): string {
  const what = network === undefined ? [] : [`${network}${classes === undefined ? '' : ` of ${classes} classes`}`];
  const trained = card ? [`${card.step} steps on ${dataText(card.train)}`] : [];
  return [`${file} (SHA-256 ${sha256.slice(0, shownFingerprint)})`, ...what, ...trained].join(', ');
}

/** Characters of a fingerprint that tell data sets apart for people. */
const shownFingerprint = 12;

function dataText({ count, shape, classes, content }: Description): string {
  const size = Array.isArray(shape) ? ` of ${shape.join(' x ')}` : '';
  return `${count} images${size}, ${classes} classes (fingerprint ${String(content).slice(0, shownFingerprint)})`;
}

function cardMetricsText(metrics: CardMetrics): string {
  const set = metrics.evaluated ? 'validation' : 'test';
  const test = metrics.testLoss === undefined ? '' : `, ${set} ${metricsText(metrics, 'test', 4)}`;
  return `epoch ${metrics.epoch}: train ${metricsText(metrics, 'train', 4)}${test}`;
}

const settingText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
