/** The options that say how files of other people's formats are read. */
import { arrayLayouts } from '../../data/formats/array';
import { pixelRanges } from '../../data/givenPixels';
import type { SourceOptions } from '../../data/openSource';
import { declare } from './declare';

const labelColumnOption = declare({
  flags: '--label-column <name>',
  help: 'Parquet files: the column of the labels; tar shards: the member of the .json files that holds them',
  otherwise: 'label, or another usual name',
});

const pixelRangeOption = declare({
  flags: '--pixel-range <range>',
  help: 'npy files: the range of pixels that are floats',
  choices: pixelRanges,
  otherwise: 'floats are refused',
});

const pixelLayoutOption = declare({
  flags: '--pixel-layout <order>',
  help: 'npy files: the order of count, height, width and channels',
  choices: arrayLayouts,
  otherwise: arrayLayouts[0],
});

/** The values of these options. */
export interface FormatFlags extends Pick<SourceOptions, 'labelColumn' | 'pixelRange' | 'pixelLayout'> {}

/** Makes the options. */
export const formatOptions = () => [labelColumnOption(), pixelRangeOption(), pixelLayoutOption()];
