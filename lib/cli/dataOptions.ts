/** The options that say which data a command takes, and what becomes of their pixels. */
import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { dataSetNames, type OpenedSource, openSource } from '../data/openSource';
import type { LabelKind } from '../data/records';
import { type DataMode, dataModes } from '../data/source';
import type { StatisticsOptions } from '../data/statistics';
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

export interface OpenedData extends OpenedSource {
  readonly statistics: StatisticsOptions;
  readonly mode: DataMode;
}

const scale = (text: string): StatisticsOptions['scale'] => {
  if (text === 'deviation' || text === 'none') return text;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(Number.isFinite(value) && value > 0)) {
    throw new InvalidArgumentError('Expected deviation, none or a positive number.');
  }
  return value;
};

export const dataName = (text: string): string => {
  if (dataSetNames.includes(text) || existsSync(text)) return text;
  throw new InvalidArgumentError(`Expected ${dataSetNames.join(', ')}, or a path that exists.`);
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

/** @throws ERR_DATA; ERR_INVALID_ARGUMENT */
export async function openData(options: DataOptions): Promise<OpenedData> {
  const { mean: per, scale, dataMode: mode } = options;
  return { ...(await openSource(options, mode)), statistics: { per, scale }, mode };
}
