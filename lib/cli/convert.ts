/** `saturnn convert`: weights from PyTorch's names and layout to saturnn's, and back. */
import { Command } from 'commander';
import type { Normalization } from '../layers';
import { createModel, type Model } from '../models';
import { describeDefaults, modelDefaults } from '../models/defaults';
import type { ImageSize } from '../models/imageSize';
import { classesRange } from '../models/model';
import type { Activation } from '../ops/activations';
import { convertWeights } from '../train/convert/convertWeights';
import { type ConvertWeightsOptions, conversions } from '../train/convert/options';
import { readWeightMap } from '../weights/map';
import { reportText } from '../weights/report';
import type { WeightDType } from '../weights/values';
import { addOptions, declare, doesNotApply } from './options/declare';
import {
  activationOption,
  channelsOption,
  modelOption,
  normalizationOption,
  sizeOption,
  widthOption,
} from './options/model';
import { jsonOption, oneObject } from './options/output';
import * as read from './options/readers';
import { dtypeOption } from './options/weights';
import { print } from './terminal/print';

const toOption = declare({
  flags: '--to <kind>',
  help: 'the kind of the result: saturnn, or pytorch (the state_dict of a module)',
  choices: conversions,
});

const likeOption = declare({
  flags: '--like <file>',
  help: 'a file with the names and shapes of the result: of saturnn, whose network and images the result then has, or of PyTorch',
});

const mapOption = declare({
  flags: '--map <file>',
  help: 'JSON with rules for names: {"rules": [{"saturnn": "features/*", "pytorch": "features.*"}]}',
  read: read.reading(readWeightMap),
});

const partialOption = declare({
  flags: '--partial',
  help: 'leave weights that are missing, or have another shape, as they are in --like, or as those of a new --model',
});

const imageMeanOption = declare({
  flags: '--image-mean <list>',
  help: '--model: mean of each channel that is subtracted from pixels of 0 to 1',
  read: read.list(read.finiteNumber, { distinct: false }),
  otherwise: '0',
});

const imageStdOption = declare({
  flags: '--image-std <list>',
  help: '--model: standard deviation of each channel by which pixels of 0 to 1 are divided',
  read: read.list(read.finiteNumber, { distinct: false }),
  otherwise: '1',
});

interface Options extends Pick<ConvertWeightsOptions, 'to' | 'like' | 'map' | 'partial' | 'imageMean' | 'imageStd'> {
  dtype: WeightDType;
  json?: boolean;
  model?: string;
  width?: number;
  activation?: Activation;
  normalization?: Normalization;
  size?: ImageSize;
  channels?: number;
}

/** The options that describe --model. */
const ofModel = ['width', 'activation', 'normalization', 'size', 'channels', 'imageMean', 'imageStd'] as const;

export function convertCommand(): Command {
  const command = new Command('convert')
    .description("convert weights from PyTorch's names and layout to saturnn's, or back; print what fits")
    .argument('<from>', 'a safetensors file, an index of several, or a folder')
    .argument('[out]', 'the file to write; without it, nothing is written');
  addOptions(
    command,
    toOption().makeOptionMandatory(),
    modelOption({ default: undefined, shown: undefined }),
    widthOption({ default: undefined, otherwise: `${modelDefaults.width}` }),
    activationOption(),
    normalizationOption(),
    sizeOption({ otherwise: 'that of the model' }),
    channelsOption({ otherwise: describeDefaults('channels') }),
    ...[likeOption(), mapOption(), dtypeOption(), partialOption(), imageMeanOption(), imageStdOption()],
    jsonOption({ note: oneObject }),
  );
  return command.action(convert);
}

function convert(from: string, out: string | undefined, options: Options): void {
  const { to, like, map, dtype, partial, imageMean, imageStd, json } = options;
  const settings = { to, like, map, dtype, partial, imageMean, imageStd, model: modelFor(from, options) };
  const report = convertWeights(from, null, settings);
  print(json ? `${JSON.stringify({ ...report, out: out ?? null })}\n` : reportText(report));
  if (out === undefined) return;
  convertWeights(from, out, settings);
  if (!json) print(`written: ${out}\n`);
}

/** Makes the model that the options describe, with as many classes as the file has biases for. @throws ERR_INVALID_ARGUMENT, ERR_DATA */
function modelFor(from: string, options: Options): Model | undefined {
  const { model: name, to, map, width, activation, normalization, size, channels } = options;
  const given = ofModel.find((name) => options[name] !== undefined);
  if (name === undefined && given !== undefined) throw doesNotApply(flagOf(given), 'without --model');
  if (name === undefined) return undefined;
  if (to === 'pytorch') throw doesNotApply('--model', 'to --to pytorch, because the file says its network');
  const make = (classes?: number) => createModel(name, { width, classes, activation, normalization, size, channels });
  const usual = make();
  const { misfitting } = convertWeights(from, null, { to, map, model: usual });
  // The last parameter of every built-in model is the bias of its classifier.
  const bias = usual.parameters.at(-1)!.name;
  const [classes = 0, ...rest] = misfitting.find(({ name }) => name === bias)?.receivedShape ?? [];
  return rest.length === 0 && classes >= classesRange[0] && classes <= classesRange[1] ? make(classes) : usual;
}

const flagOf = (option: string): string => `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
