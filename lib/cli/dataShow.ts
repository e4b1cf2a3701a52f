/** `saturnn data show`: describes a data set, and draws samples of it. */
import { basename, resolve } from 'node:path';
import { Argument, Command } from 'commander';
import { type Augmentation, formatAugmentation } from '../data/augmentation/kinds';
import { dataSetNames, type OpenedSets } from '../data/openSource';
import { type PictureReport, reportPictures } from '../data/pictures/report';
import type { LabelKind } from '../data/records';
import { type EvaluatedSet, evaluatedSet, evenlyOf, type ImageSource, imageBytes } from '../data/source';
import { statisticsOf } from '../data/statistics';
import type { TestPart } from '../data/testPart';
import { describeShare } from '../data/validation';
import { invalid } from '../errors';
import { writeAtomically } from '../files/durable';
import { modelSizeFor, sidesOf } from '../models/imageSize';
import type { ReportGallery, ReportPicture } from '../report/gallery';
import { reportHtml } from '../report/page';
import { augmentedSamples } from '../train/augmentedSamples';
import { version } from '../version';
import { augmentOption } from './options/augment';
import { addSourceOptions, type DataOptions, openShown } from './options/data';
import { addOptions, declare, doesNotApply } from './options/declare';
import { seedOption } from './options/length';
import { sizeOption } from './options/model';
import { jsonOption, oneObject } from './options/output';
import type { PictureFlags } from './options/pictures';
import { print } from './terminal/print';

const pageOption = declare({
  flags: '--page <file>',
  help: 'write an HTML page with the figures and a sample of the images of each class',
});

interface ShowOptions extends Pick<DataOptions, 'data' | 'dataDir' | 'verify'>, PictureFlags, TestPart {
  labels?: LabelKind;
  size?: PictureFlags['storedSize'];
  augment?: readonly Augmentation[];
  seed: number;
  page?: string;
  json?: boolean;
}

export function showCommand(): Command {
  const command = new Command('show')
    .description('count images and classes, print statistics, broken and equal pictures; draw samples')
    .addArgument(new Argument('[data]', 'data set, as --data'));
  addOptions(
    addSourceOptions(command, { onBroken: 'skip' }),
    sizeOption({ note: 'of pictures', otherwise: '32' }),
    ...[augmentOption({ note: '; the page shows what the network sees', otherwise: 'not shown' }), seedOption()],
    ...[pageOption(), jsonOption({ note: oneObject })],
  );
  return command.action(show);
}

async function show(given: string | undefined, options: ShowOptions, command: Command): Promise<void> {
  if (given !== undefined && command.getOptionValueSource('data') === 'cli')
    throw doesNotApply('--data', `beside the data set ${given}`, options.data);
  if (options.augment && options.page === undefined) throw doesNotApply('--augment', 'without --page');
  if (given === '') throw invalid('data', `${dataSetNames.join(', ')}, or a path`, given);
  const data = given ?? options.data;
  const { train, test, pictures, split, close } = await openShown({ ...options, data, summary: false });
  try {
    const sets = { train: await summarize(train), test: await summarize(test) };
    const found = pictures && reportPictures(pictures);
    const validation = pictures?.validation?.count;
    const summary = {
      data,
      ...sets,
      ...(validation && { validation }),
      ...(split && { split }),
      ...(found && { pictures: found }),
    };
    if (options.page !== undefined) {
      const galleries = [...(await galleriesOf(train)), ...(await augmentedGalleries(train, sets.train.mean, options))];
      await writePage(options.page, summary, galleries);
    }
    print(options.json ? `${JSON.stringify(summary)}\n` : `${textOf(summary)}\n`);
  } finally {
    await close();
  }
}

async function summarize(source: ImageSource) {
  const perClass = new Int32Array(source.classes);
  for (const label of source.labels) perClass[label]!++;
  const { mean, deviation } = await statisticsOf(source);
  return {
    /** "validation": this is a validation set. */
    ...(source.role && { role: source.role }),
    images: source.count,
    shape: source.shape,
    classes: source.classes,
    classNames: source.classNames,
    /** The fewest and the most images of a class. */
    imagesPerClass: [perClass.reduce((a, b) => Math.min(a, b)), perClass.reduce((a, b) => Math.max(a, b))],
    perClass: [...perClass],
    mean: [...mean],
    deviation: [...deviation],
  };
}

type SetSummary = Awaited<ReturnType<typeof summarize>>;

interface Summary {
  readonly data: string;
  readonly train: SetSummary;
  readonly test: SetSummary;
  /** The number of images of a validation set beside the test set. */
  readonly validation?: number;
  /** How the test set of arrays was chosen, if they have none of their own. */
  readonly split?: OpenedSets['split'];
  readonly pictures?: PictureReport;
}

const numbers = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(', ');

function textOf({ data, train, test, validation, split, pictures }: Summary): string {
  const evaluated = evaluatedSet(test);
  const lines = [['train', train] as const, [evaluated, test] as const].flatMap(([name, set]) => {
    const [least, most] = set.imagesPerClass;
    const spread = least === most ? `${least}` : `${least} to ${most}`;
    return [
      `${name}: ${set.images} images of ${set.shape.join('x')}, ${set.classes} classes, ${spread} images each`,
      `  mean ${numbers(set.mean)}; deviation ${numbers(set.deviation)} (per channel, of 0..255)`,
    ];
  });
  if (split) lines.push(`test set: ${describeShare(split)}`);
  if (validation) lines.push(`validation: ${validation} images`);
  const names = train.classNames ? [`classes: ${train.classNames.join(', ')}`] : [];
  return [data, ...lines, ...(pictures ? [countsOf(train, test), ...pictureLines(pictures, evaluated)] : names)].join(
    '\n',
  );
}

/** "cat: 80 + 20 images" for each class. */
const countsOf = (train: SetSummary, test: SetSummary): string =>
  train.perClass
    .map((count, label) => `  ${train.classNames?.[label] ?? label}: ${count} + ${test.perClass[label] ?? 0}`)
    .join('\n');

/** Most names of files that one line lists. */
const mostNames = 10;

const listed = (names: readonly string[]): string =>
  names.length > mostNames
    ? `${names.slice(0, mostNames).join(', ')}, and ${names.length - mostNames} more`
    : names.join(', ');

function pictureLines(report: PictureReport, evaluated: EvaluatedSet): string[] {
  const { sizes, split, broken, ignored, duplicates, leaks, cache } = report;
  const size = ([height, width]: readonly number[]) => `${height}x${width}`;
  return [
    ...(split ? [`test set: ${describeShare(split)}`] : []),
    ...(sizes
      ? [
          `sizes of the files: ${size(sizes.smallest)} to ${size(sizes.largest)}, median ${size(sizes.median)} (height x width)`,
        ]
      : []),
    ...broken.slice(0, mostNames).map(({ name, reason }) => `broken: ${name}: ${reason}`),
    ...(broken.length > mostNames ? [`broken: ${broken.length - mostNames} more`] : []),
    ...(ignored.length > 0 ? [`no pictures: ${listed(ignored)}`] : []),
    ...duplicates.slice(0, mostNames).map((names) => `equal files: ${listed(names)}`),
    ...(duplicates.length > mostNames ? [`equal files: ${duplicates.length - mostNames} more groups`] : []),
    ...leaks
      .slice(0, mostNames)
      .map(
        ([trained, tested]) => `warning: ${tested} of the ${evaluated} set is equal to ${trained} of the training set`,
      ),
    ...(leaks.length > mostNames
      ? [`warning: ${leaks.length - mostNames} more files of the ${evaluated} set are in the training set, too`]
      : []),
    `cache: ${cache}`,
  ];
}

/** Most images of one class on the page. */
const samplesPerClass = 8;
/** Most images on the page. */
const mostSamples = 200;

async function writePage(path: string, summary: Summary, galleries: readonly ReportGallery[]): Promise<void> {
  const { data, train, test, pictures } = summary;
  const rows = train.perClass.map((count, label) => [
    train.classNames?.[label] ?? `${label}`,
    `${count}`,
    `${test.perClass[label] ?? 0}`,
  ]);
  const evaluated = evaluatedSet(test);
  const figures = [['training', train] as const, [evaluated, test] as const].map(([name, set]) => [
    name,
    `${set.images}`,
    set.shape.join('x'),
    numbers(set.mean),
    numbers(set.deviation),
  ]);
  const html = reportHtml({
    title: `Data: ${data === '' ? '' : basename(resolve(data))}`,
    lead: textOf({ ...summary, pictures: undefined }).split('\n')[0]!,
    tables: [
      { title: 'Sets', heads: ['set', 'images', 'shape', 'mean', 'deviation'], rows: figures },
      { title: 'Images of each class', heads: ['class', 'training', evaluated], rows },
      ...(pictures ? pictureTables(pictures, evaluated) : []),
    ],
    charts: [],
    galleries,
    settings: { data, split: pictures?.split ?? undefined, cache: pictures?.cache, saturnn: version },
  });
  writeAtomically(path, html);
}

function pictureTables({ sizes, broken, duplicates, leaks }: PictureReport, evaluated: EvaluatedSet) {
  const size = ([height, width]: readonly number[]) => [`${height}`, `${width}`];
  const found = sizes && [
    ['smallest', ...size(sizes.smallest)],
    ['median', ...size(sizes.median)],
    ['largest', ...size(sizes.largest)],
  ];
  return [
    ...(found ? [{ title: 'Sizes of the files', heads: ['', 'height', 'width'], rows: found }] : []),
    ...(leaks.length > 0
      ? [
          {
            title: `Equal files in training and ${evaluated} set`,
            heads: ['training', evaluated],
            rows: leaks.map(([a, b]) => [a, b]),
          },
        ]
      : []),
    ...(broken.length > 0
      ? [{ title: 'Broken files', heads: ['file', 'reason'], rows: broken.map(({ name, reason }) => [name, reason]) }]
      : []),
    ...(duplicates.length > 0
      ? [{ title: 'Equal files', heads: ['files'], rows: duplicates.map((names) => [listed(names)]), appendix: true }]
      : []),
  ];
}

/** Returns the first images of each class, at most `most` in all. */
function samplesOf(source: ImageSource, most: number): ImageSource {
  const perClass = Math.max(1, Math.min(samplesPerClass, Math.floor(most / source.classes)));
  return evenlyOf(source, Math.min(most, perClass * source.classes));
}

/** Draws the first images of each class of the training set. */
async function galleriesOf(source: ImageSource): Promise<ReportGallery[]> {
  const sample = samplesOf(source, mostSamples);
  const size = imageBytes(sample);
  const pixels = new Uint8Array(sample.count * size);
  await sample.read(Int32Array.from(sample.labels.keys()), pixels);
  const pictures: ReportPicture[] = Array.from(sample.labels, (label, index) => ({
    pixels: pixels.subarray(index * size, (index + 1) * size),
    shape: sample.shape,
    caption: sample.classNames?.[label] ?? `class ${label}`,
  }));
  const ordered = pictures.map((picture, index) => ({ picture, label: sample.labels[index]! }));
  ordered.sort((a, b) => a.label - b.label);
  return [{ title: 'Samples of the training set', pictures: ordered.map(({ picture }) => picture) }];
}

/** Images of which augmented versions are drawn, and epochs in which they are drawn. */
const augmentedImages = 12;
const augmentedEpochs = 5;

/** Draws some images as a network sees them in the first epochs of a training. */
async function augmentedGalleries(
  source: ImageSource,
  mean: readonly number[],
  { augment, seed, size: wanted }: Pick<ShowOptions, 'augment' | 'seed' | 'size'>,
): Promise<ReportGallery[]> {
  if (!augment) return [];
  const sample = samplesOf(source, augmentedImages);
  const { size: usual = [sample.shape[0], sample.shape[1]] } = modelSizeFor(sample.shape);
  const size = sidesOf(wanted ?? usual);
  const shape = [...size, sample.shape[2]] as const;
  const bytes = imageBytes({ shape });
  const how = { augmentation: augment, seed, size, mean: Float32Array.from(mean), device: 'cpu' };
  const epochs = await Promise.all(
    Array.from({ length: augmentedEpochs }, (_, epoch) => augmentedSamples(sample, epoch, how)),
  );
  const pictures = Array.from(sample.labels).flatMap((label, index) =>
    epochs.map((pixels, epoch) => ({
      pixels: pixels.subarray(index * bytes, (index + 1) * bytes),
      shape,
      caption: `${sample.classNames?.[label] ?? `class ${label}`}, epoch ${epoch + 1}`,
    })),
  );
  return [{ title: `What the network sees: ${formatAugmentation(augment)}`, pictures }];
}
