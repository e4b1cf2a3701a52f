/** `saturnn data get|list|show`: downloads data sets and describes them. */
import { SingleBar } from 'cli-progress';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { cifarFiles } from '../data/cifarFiles';
import { defaultDataFolder, type GetOptions, getData, installedFolder } from '../data/get';
import { openSource } from '../data/openSource';
import type { LabelKind, LayoutName } from '../data/records';
import type { ImageSource } from '../data/source';
import { statisticsOf } from '../data/statistics';
import { SaturnnError } from '../errors';
import { addSourceOptions, type DataOptions } from './options/data';
import { addOptions, declare } from './options/declare';
import { jsonOption, oneObject } from './options/output';
import { Interruption } from './terminal/interruption';
import { print } from './terminal/print';

const names = Object.keys(cifarFiles) as LayoutName[];

export function dataCommand(): Command {
  return new Command('data')
    .description('download data sets, and look at them')
    .addCommand(getCommand())
    .addCommand(listCommand())
    .addCommand(showCommand());
}

const dirOption = declare({ flags: '--dir <dir>', help: 'folder of the data sets', otherwise: "the user's cache" });

const urlOption = declare({ flags: '--url <url>', help: 'address of the archive', otherwise: 'the official one' });

const md5Option = declare({
  flags: '--md5 <sum>',
  help: 'md5 of the archive, 32 hexadecimal digits',
  read: readMd5,
  otherwise: 'that of the official archive',
});

function readMd5(text: string): string {
  if (!/^[0-9a-f]{32}$/i.test(text)) throw new InvalidArgumentError('Expected 32 hexadecimal digits.');
  return text;
}

function getCommand(): Command {
  const command = new Command('get')
    .description('download the official archive, check it and unpack it; continue where an earlier attempt stopped')
    .addArgument(new Argument('<name>', 'data set').choices(names));
  return addOptions(command, dirOption(), urlOption(), md5Option()).action(
    async (name: LayoutName, options: { dir?: string; url?: string; md5?: string }) => {
      const interruption = new Interruption();
      const { signal } = interruption;
      const progress = createProgress(cifarFiles[name].archive.name);
      try {
        const { dir: folder, ...rest } = options;
        const got = await getData(name, { ...rest, folder, signal, onProgress: progress.show });
        progress.stop();
        const { title } = cifarFiles[name];
        const anew = '; if its files are damaged, remove this folder and start again';
        print(got.downloaded ? `${title} is in ${got.folder}\n` : `${title} was already in ${got.folder}${anew}\n`);
      } catch (error) {
        if (!(error instanceof SaturnnError) || error.code !== 'ERR_INTERRUPTED') throw error;
        throw new SaturnnError(error.code, `${error.message}. The next attempt continues from here`, { cause: error });
      } finally {
        progress.stop();
        interruption.dispose();
      }
    },
  );
}

/** Shows a bar on a terminal; anywhere else prints a line for each tenth of the file. */
function createProgress(file: string): { show: NonNullable<GetOptions['onProgress']>; stop(): void } {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  if (!process.stdout.isTTY) {
    let tenths = 0;
    const show = (done: number, total: number | null) => {
      const reached = total ? Math.floor((10 * done) / total) : 0;
      if (!total || reached <= tenths) return;
      tenths = reached;
      print(`${file}: ${10 * tenths} % of ${megabytes(total)} MB\n`);
    };
    return { show, stop: () => {} };
  }
  const bar = new SingleBar({
    stream: process.stdout,
    format: `${file} {bar} {percentage} % · {done}/{all} MB · {eta_formatted} left`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    clearOnComplete: true,
    hideCursor: true,
  });
  return {
    show(done, total) {
      const payload = { done: megabytes(done), all: total === null ? '?' : megabytes(total) };
      if (!bar.isActive) bar.start(total ?? done, done, payload);
      bar.setTotal(total ?? done);
      bar.update(done, payload);
    },
    stop: () => bar.stop(),
  };
}

function listCommand(): Command {
  const command = new Command('list').description('say which data sets are there');
  return addOptions(command, dirOption(), jsonOption({ note: oneObject })).action(
    ({ dir = defaultDataFolder(), json }: { dir?: string; json?: boolean }) => {
      const sets = names.map((name) => ({ name, title: cifarFiles[name].title, folder: installedFolder(name, dir) }));
      const line = ({ name, folder }: (typeof sets)[number]) =>
        `${name.padEnd(9)} ${folder ?? `not there: saturnn data get ${name}`}`;
      const text = ['generated made anew by every command', ...sets.map(line)].join('\n');
      print(`${json ? JSON.stringify({ dir, sets }) : text}\n`);
    },
  );
}

function showCommand(): Command {
  const command = new Command('show').description('count images and classes, and print the statistics of pixels');
  return addOptions(addSourceOptions(command), jsonOption({ note: oneObject })).action(
    async (options: Pick<DataOptions, 'data' | 'dataDir' | 'verify'> & { labels?: LabelKind; json?: boolean }) => {
      const { train, test, close } = await openSource(options);
      try {
        const summary = { data: options.data, train: await summarize(train), test: await summarize(test) };
        print(options.json ? `${JSON.stringify(summary)}\n` : format(summary));
      } finally {
        await close();
      }
    },
  );
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
    mean: [...mean],
    deviation: [...deviation],
  };
}

type Summary = Awaited<ReturnType<typeof summarize>>;

function format({ data, train, test }: { data: string; train: Summary; test: Summary }): string {
  const numbers = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(', ');
  const lines = [['train', train] as const, ['test', test] as const].flatMap(([name, split]) => {
    const [least, most] = split.imagesPerClass;
    const spread = least === most ? `${least}` : `${least} to ${most}`;
    return [
      `${name}: ${split.images} images of ${split.shape.join('x')}, ${split.classes} classes, ${spread} images each`,
      `  mean ${numbers(split.mean)}; deviation ${numbers(split.deviation)} (per channel, of 0..255)`,
    ];
  });
  const names = train.classNames ? [`classes: ${train.classNames.join(', ')}`] : [];
  return `${[data, ...lines, ...names].join('\n')}\n`;
}
