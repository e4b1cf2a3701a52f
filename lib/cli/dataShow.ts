/** `saturnn data show`: describes a data set, and draws samples of it. */
import { basename, resolve } from 'node:path';
import { Argument, Command } from 'commander';
import { dataSetNames } from '../data/openSource';
import { type PictureReport, reportPictures } from '../data/pictures/report';
import type { LabelKind } from '../data/records';
import { evenlyOf, type ImageSource, imageBytes, type Split } from '../data/source';
import { statisticsOf } from '../data/statistics';
import { invalid } from '../errors';
import { writeAtomically } from '../files/durable';
import type { ReportPicture } from '../report/gallery';
import { reportHtml } from '../report/page';
import { version } from '../version';
import { addSourceOptions, type DataOptions, openShown } from './options/data';
import { addOptions, declare, doesNotApply } from './options/declare';
import { sizeOption } from './options/model';
import { jsonOption, oneObject } from './options/output';
import type { PictureFlags } from './options/pictures';
import { print } from './terminal/print';

const pageOption = declare({
  flags: '--page <file>',
  help: 'write an HTML page with the figures and a sample of the images of each class',
});

interface ShowOptions extends Pick<DataOptions, 'data' | 'dataDir' | 'verify'>, PictureFlags {
  labels?: LabelKind;
  size?: PictureFlags['storedSize'];
  page?: string;
  json?: boolean;
}

export function showCommand(): Command {
  const command = new Command('show')
    .description('count images and classes, print statistics, broken and equal pictures; draw samples')
    .addArgument(new Argument('[data]', 'data set, as --data'));
  addOptions(
    addSourceOptions(command, 'skip'),
    sizeOption({ note: 'of pictures', otherwise: '32' }),
    ...[pageOption(), jsonOption({ note: oneObject })],
  );
  return command.action(show);
}

async function show(given: string | undefined, options: ShowOptions, command: Command): Promise<void> {
  if (given !== undefined && command.getOptionValueSource('data') === 'cli')
    throw doesNotApply('--data', `beside the data set ${given}`, options.data);
  if (given === '') throw invalid('data', `${dataSetNames.join(', ')}, or a path`, given);
  const data = given ?? options.data;
  const { train, test, pictures, close } = await openShown({ ...options, data, summary: false });
  try {
    const sets = { train: await summarize(train), test: await summarize(test) };
    const found = pictures && reportPictures(pictures);
    const validation = pictures?.validation?.count;
    const summary = { data, ...sets, ...(validation && { validation }), ...(found && { pictures: found }) };
    if (options.page !== undefined) await writePage(options.page, summary, { train, test });
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
  readonly pictures?: PictureReport;
}

const numbers = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(', ');

function textOf({ data, train, test, validation, pictures }: Summary): string {
  const lines = [['train', train] as const, ['test', test] as const].flatMap(([name, set]) => {
    const [least, most] = set.imagesPerClass;
    const spread = least === most ? `${least}` : `${least} to ${most}`;
    return [
      `${name}: ${set.images} images of ${set.shape.join('x')}, ${set.classes} classes, ${spread} images each`,
      `  mean ${numbers(set.mean)}; deviation ${numbers(set.deviation)} (per channel, of 0..255)`,
    ];
  });
  if (validation) lines.push(`validation: ${validation} images`);
  const names = train.classNames ? [`classes: ${train.classNames.join(', ')}`] : [];
  return [data, ...lines, ...(pictures ? [countsOf(train, test), ...pictureLines(pictures)] : names)].join('\n');
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

function pictureLines({ sizes, split, broken, ignored, duplicates, leaks, cache }: PictureReport): string[] {
  const size = ([height, width]: readonly number[]) => `${height}x${width}`;
  return [
    ...(split ? [`test set: ${+(100 * split.share).toFixed(2)} % of each class, by seed ${split.seed}`] : []),
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
      .map(([trained, tested]) => `warning: ${tested} of the test set is equal to ${trained} of the training set`),
    ...(leaks.length > mostNames
      ? [`warning: ${leaks.length - mostNames} more files of the test set are in the training set, too`]
      : []),
    `cache: ${cache}`,
  ];
}

/** Most images of one class on the page. */
const samplesPerClass = 8;
/** Most images on the page. */
const mostSamples = 200;

async function writePage(path: string, summary: Summary, sources: Readonly<Record<Split, ImageSource>>): Promise<void> {
  const { data, train, test, pictures } = summary;
  const rows = train.perClass.map((count, label) => [
    train.classNames?.[label] ?? `${label}`,
    `${count}`,
    `${test.perClass[label] ?? 0}`,
  ]);
  const figures = [['training', train] as const, ['test', test] as const].map(([name, set]) => [
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
      { title: 'Images of each class', heads: ['class', 'training', 'test'], rows },
      ...(pictures ? pictureTables(pictures) : []),
    ],
    charts: [],
    galleries: await galleriesOf(sources.train),
    settings: { data, split: pictures?.split ?? undefined, cache: pictures?.cache, saturnn: version },
  });
  writeAtomically(path, html);
}

function pictureTables({ sizes, broken, duplicates, leaks }: PictureReport) {
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
            title: 'Equal files in training and test set',
            heads: ['training', 'test'],
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

/** Draws the first images of each class of the training set. */
async function galleriesOf(source: ImageSource) {
  const perClass = Math.max(1, Math.min(samplesPerClass, Math.floor(mostSamples / source.classes)));
  const sample = evenlyOf(source, Math.min(mostSamples, perClass * source.classes));
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
