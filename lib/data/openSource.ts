/** A data set by its name or path, as commands and experiments are told of it. */
import { SaturnnError } from '../errors';
import { cifar } from './cifar';
import { CifarFile } from './cifarFile';
import { cifarFiles } from './cifarFiles';
import { Dataset } from './dataset';
import { generated, generatedCounts } from './generated';
import { defaultDataFolder, installedFolder } from './get';
import type { LabelKind, LayoutName } from './records';
import { type DataMode, firstClassesOf, firstOf, type ImageSource } from './source';

/** The data set that is made anew in every process, the same each time. */
const generatedName = 'generated';

/** Names of the data sets that saturnn knows; the first is the command's default. */
export const dataSetNames: readonly [string, ...string[]] = [generatedName, ...Object.keys(cifarFiles)];

export interface SourceOptions {
  /** One of dataSetNames, or a folder or .tar.gz in CIFAR's binary layout. */
  data: string;
  /** Folder of cifar10 or cifar100; default: where `saturnn data get` puts them. */
  dataDir?: string;
  labels?: LabelKind;
  /** False: take an archive whose md5 is not the official one's. */
  verify?: boolean;
  /** Only the images of the first so many classes; default: all. */
  classes?: number;
  /** Of those, the first so many training images, ... */
  limit?: number;
  /** ... and test images; default: at most as many as `limit`. */
  testLimit?: number;
}

export interface OpenedSource {
  readonly train: ImageSource;
  readonly test: ImageSource;
  /** Closes what is open. */
  close(): Promise<void>;
}

/**
 * Streamed data stay on disk if they lie there unpacked; everything else is read into memory.
 * @throws ERR_DATA; ERR_INVALID_ARGUMENT
 */
export async function openSource(options: SourceOptions, mode: DataMode = 'resident'): Promise<OpenedSource> {
  const { data, dataDir, labels, verify, classes } = options;
  const { limit: most = Number.MAX_SAFE_INTEGER, testLimit: mostTest = most } = options;
  if (data === generatedName) {
    const { train, test } = generatedCounts;
    const counts = { train: Math.min(train, most), test: Math.min(test, mostTest) };
    return { ...generated({ ...counts, classes }), close: async () => {} };
  }
  const part = (source: ImageSource, count: number): ImageSource => {
    const chosen = classes === undefined ? source : firstClassesOf(source, classes);
    return chosen instanceof Dataset ? chosen.take(count) : firstOf(chosen, count);
  };
  const named = Object.hasOwn(cifarFiles, data);
  const path = named ? (dataDir ?? installed(data as LayoutName)) : data;
  const names = named ? [data as LayoutName] : undefined;
  const chosen = { labels, verify: verify === false ? false : named ? true : undefined };
  if (mode === 'streaming' && !/\.(tar\.gz|tgz)$/.test(path)) {
    const { train, test } = await CifarFile.open(path, chosen, names);
    const close = async () => {
      await Promise.all([train.close(), test.close()]);
    };
    return { train: part(train, most), test: part(test, mostTest), close };
  }
  const { train, test } = await cifar(path, chosen, names);
  return { train: part(train, most), test: part(test, mostTest), close: async () => {} };
}

/** Where `saturnn data get` puts it. */
function installed(name: LayoutName): string {
  const found = installedFolder(name);
  if (found) return found;
  const { title } = cifarFiles[name];
  const message = `${title} is not complete in ${defaultDataFolder()}: \`saturnn data get ${name}\` downloads it`;
  throw new SaturnnError('ERR_DATA', message);
}
