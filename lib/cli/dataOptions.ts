/** The options that say which data a command takes, and what becomes of their pixels. */
import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { cifar } from '../data/cifar';
import { CifarFile } from '../data/cifarFile';
import { cifarFiles } from '../data/cifarFiles';
import { generated, generatedCounts } from '../data/generated';
import { defaultDataFolder, installedFolder } from '../data/get';
import type { LabelKind, LayoutName } from '../data/records';
import { firstOf, type ImageSource } from '../data/source';
import type { StatisticsOptions } from '../data/statistics';
import { SaturnnError } from '../errors';
import { type DataMode, dataModes } from '../train/trainer';
import * as read from './options';

export interface DataOptions {
  /** generated, cifar10, cifar100, or a path. */
  data: string;
  dataDir?: string;
  labels?: LabelKind;
  /** Commander's of --no-verify. */
  verify: boolean;
  mean: 'channel' | 'pixel';
  scale: 'deviation' | 'none' | number;
  dataMode: DataMode;
  limit?: number;
}

export interface OpenedData {
  readonly train: ImageSource;
  readonly test: ImageSource;
  readonly statistics: StatisticsOptions;
  readonly mode: DataMode;
  /** Closes what is open. */
  close(): Promise<void>;
}

const scale = (text: string): StatisticsOptions['scale'] => {
  if (text === 'deviation' || text === 'none') return text;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(Number.isFinite(value) && value > 0)) {
    throw new InvalidArgumentError('Expected deviation, none or a positive number.');
  }
  return value;
};

const dataSets = ['generated', ...Object.keys(cifarFiles)];

const dataName = (text: string): string => {
  if (dataSets.includes(text) || existsSync(text)) return text;
  throw new InvalidArgumentError(`Expected ${dataSets.join(', ')}, or a path that exists.`);
};

/** Which data: for every command that reads some. */
export function addSourceOptions(command: Command, what = 'data set'): Command {
  return command
    .option(
      '--data <name>',
      `${what}: generated, cifar10, cifar100, or a folder or .tar.gz in CIFAR's binary layout`,
      dataName,
      'generated',
    )
    .option('--data-dir <dir>', 'folder of cifar10 or cifar100 (default: where `saturnn data get` puts them)')
    .addOption(new Option('--labels <kind>', 'of CIFAR-100').choices(['fine', 'coarse']))
    .option('--no-verify', "take an archive whose md5 is not the official one's");
}

export function addDataOptions(command: Command): Command {
  return addSourceOptions(command)
    .addOption(new Option('--mean <per>', 'subtracted from pixels').choices(['channel', 'pixel']).default('channel'))
    .addOption(
      new Option('--scale <x>', 'of pixels then: deviation (divide by it), none (0..255), or a factor')
        .argParser(scale)
        .default('deviation'),
    )
    .addOption(
      new Option('--data-mode <mode>', 'keep all images on the device, or stream them from memory or disk')
        .choices(dataModes)
        .default('resident'),
    )
    .option('--limit <n>', 'use the first n training images, and at most n test images', read.positiveInteger);
}

type SourceOptions = Pick<DataOptions, 'data' | 'dataDir' | 'labels' | 'verify' | 'limit'>;
type Source = Pick<OpenedData, 'train' | 'test' | 'close'>;

/** @throws ERR_DATA; ERR_INVALID_ARGUMENT */
export async function openData(options: DataOptions): Promise<OpenedData> {
  const { mean: per, scale, dataMode: mode } = options;
  return { ...(await openSource(options, mode)), statistics: { per, scale }, mode };
}

/** Streamed data stay on disk if they lie there unpacked; everything else is read into memory. */
export async function openSource(options: SourceOptions, mode: DataMode = 'resident'): Promise<Source> {
  const { data, dataDir, labels, verify, limit } = options;
  const most = limit ?? Number.MAX_SAFE_INTEGER;
  if (data === 'generated') {
    const { train, test } = generatedCounts;
    return { ...generated({ train: Math.min(train, most), test: Math.min(test, most) }), close: async () => {} };
  }
  const named = Object.hasOwn(cifarFiles, data);
  const path = named ? (dataDir ?? installed(data as LayoutName)) : data;
  const names = named ? [data as LayoutName] : undefined;
  const chosen = { labels, verify: verify === false ? false : named ? true : undefined };
  if (mode === 'streaming' && !/\.(tar\.gz|tgz)$/.test(path)) {
    const { train, test } = await CifarFile.open(path, chosen, names);
    const close = async () => {
      await Promise.all([train.close(), test.close()]);
    };
    return { train: firstOf(train, most), test: firstOf(test, most), close };
  }
  const { train, test } = await cifar(path, chosen, names);
  return { train: train.take(most), test: test.take(most), close: async () => {} };
}

/** Where `saturnn data get` puts it. */
function installed(name: LayoutName): string {
  const found = installedFolder(name);
  if (found) return found;
  const { title } = cifarFiles[name];
  const message = `${title} is not complete in ${defaultDataFolder()}: \`saturnn data get ${name}\` downloads it`;
  throw new SaturnnError('ERR_DATA', message);
}
