/** `saturnn train --find-lr`: finds a learning rate in place of a training. */
import { join, relative } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { numberFromText } from '../errors';
import { prepareFolder, writeAtomically } from '../files/durable';
import type { LsuvOptions } from '../initial/lsuv';
import { accepts } from '../options/field';
import { chartSvg } from '../report/chart';
import {
  type RateSearchOptions,
  rateSearch,
  rateSearchDefaults,
  rateSearchFields,
} from '../train/rates/findLearningRate';
import { type RateCurve, rateChart, rateCsv } from '../train/rates/rateCurve';
import { Trainer, type TrainerOptions } from '../train/trainer';
import { declare, doesNotApply } from './options/declare';
import { firstGiven, type Given } from './options/resume';
import { print } from './terminal/print';

const { from, to, steps } = rateSearchDefaults;

const declareFindLr = declare({
  flags: '--find-lr [range]',
  help: `instead of training, find a learning rate: train a few steps with a rate that rises, and draw the losses. FROM:TO:STEPS (default: ${from}:${to}:${steps})`,
  read: readRange,
});

/** Makes --find-lr, which without a value has the default range. */
export const findLrOption = () => declareFindLr().preset('');

/** Reads "FROM:TO:STEPS", of which parts may be left out at the end. */
function readRange(text: string): RateSearchOptions {
  const numbers = text === '' ? [] : text.split(':').map(numberFromText);
  const names = ['from', 'to', 'steps'] as const;
  const fits =
    numbers.length <= names.length && numbers.every((value, at) => accepts(rateSearchFields[names[at]!], value));
  if (!fits) throw new InvalidArgumentError('Expected FROM:TO:STEPS, as in 1e-5:1:200.');
  return Object.fromEntries(numbers.map((value, at) => [names[at], value]));
}

/** Options of a training that have no meaning in a search. */
const ofTrainings = [
  ...['--lr', '--schedule', '--warmup', '--epochs', '--steps', '--resume', '--change', '--evaluate-every', '--best'],
  ...['--checkpoint-epochs', '--checkpoint-steps', '--checkpoint-minutes', '--patience', '--min-delta'],
  '--on-non-finite',
];

/** Checks that no option was given that has no meaning beside --find-lr. @throws ERR_INVALID_ARGUMENT */
export function checkSearch(given: Given): void {
  const other = firstGiven(given, ofTrainings);
  if (other !== undefined) throw doesNotApply(other, 'to --find-lr');
}

/** A training whose learning rate is looked for. */
interface Searched {
  readonly training: Omit<TrainerOptions, 'learningRate' | 'schedule' | 'callbacks' | 'test'>;
  readonly search: RateSearchOptions;
  /** Changes the initial weights, and returns a line for the user, or null. */
  readonly prepare: (options: LsuvOptions) => Promise<string | null>;
  readonly out: string;
  readonly json: boolean;
}

/** Makes the search, and writes the picture and the numbers into a folder. */
export async function findRate({ training, search: asked, prepare, out, json }: Searched): Promise<void> {
  const folder = prepareFolder(out);
  const search = rateSearch(asked);
  using trainer = new Trainer({ ...training, ...search.options });
  const { model, state, device } = trainer;
  const { train: dataset, statistics, seed } = training;
  if (training.weights === undefined) {
    const line = await prepare({ model, state, dataset, statistics, device, seed });
    if (line && !json) print(`${line}\n`);
  }
  const curve = await search.run(trainer);
  const path = (ending: string) => join(folder, `learning-rates.${ending}`);
  writeAtomically(path('svg'), chartSvg(rateChart(curve)));
  writeAtomically(path('csv'), rateCsv(curve));
  writeAtomically(path('json'), `${JSON.stringify(curve, null, 1)}\n`);
  print(json ? `${JSON.stringify({ ...curve, picture: path('svg') })}\n` : textOf(curve, path('svg')));
}

const endings: Readonly<Record<RateCurve['ended'], string>> = {
  done: '',
  diverged: '; then the loss was 4 times its minimum',
  nonFinite: '; then the loss was not finite',
};

function textOf({ points, steepest, tenthOfMinimum, ended }: RateCurve, picture: string): string {
  const rate = (value: number | null) => (value === null ? 'none' : `${Number(value.toPrecision(2))}`);
  const last = points.at(-1)?.rate ?? null;
  const lines = [
    `${points.length} steps, up to a learning rate of ${rate(last)}${endings[ended]}`,
    steepest === null
      ? 'the loss never fell: other rates or a longer search (--find-lr FROM:TO:STEPS) may show more'
      : `suggested: --lr ${rate(steepest)}, where the loss falls fastest`,
    `a tenth of the rate with the smallest loss: ${rate(tenthOfMinimum)}`,
    `picture: ${relative('', picture)}`,
  ];
  return `${lines.join('\n')}\n`;
}
