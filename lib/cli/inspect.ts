/** `saturnn inspect MODEL`: prints the layers of a model, or of a model file, and their sizes. It loads no native code. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { type LayerRate, layerFactors } from '../experiments/layerRates';
import { writeAtomically } from '../files/durable';
import { readSafetensors, type SafetensorsFile } from '../files/safetensors';
import { createModel, type Model, models } from '../models';
import { describeDefaults } from '../models/defaults';
import { type FilterParameter, filtersOf } from '../models/filters';
import type { ImageSize } from '../models/imageSize';
import { inspectModel, type ModelSummary } from '../models/inspect';
import type { Activation } from '../ops/activations';
import { Philox } from '../random';
import { drawFilters } from '../report/filters';
import { encodePng } from '../report/png';
import { type LoadedModel, modelOf } from '../train/modelFile/loadModel';
import { modelFileText } from './modelFileText';
import { addOptions, declare, doesNotApply } from './options/declare';
import { layerOption } from './options/layer';
import { activationForms, activationOption, channelsOption, sizeOption, widthOption } from './options/model';
import { lrLayersOption } from './options/optimizer';
import { jsonOption, oneObject } from './options/output';
import { print } from './terminal/print';

interface Options {
  width: number;
  size?: ImageSize;
  channels?: number;
  activation?: Activation;
  lrLayers?: string;
  filters?: string;
  layer?: string;
  json?: boolean;
}

const filtersOption = declare({
  flags: '--filters <file>',
  help: 'of a model file: write a picture (PNG) of the filters of a convolution',
});

export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description(
      'print the layers of a model: output shape, parameters, multiply-adds for one image; and what a model file says of it',
    )
    .argument(
      '<model>',
      `one of ${Object.keys(models).join(', ')}; or a file: model.safetensors or best.safetensors of a run`,
    );
  addOptions(
    command,
    widthOption(),
    sizeOption({ otherwise: 'that of the model' }),
    channelsOption({ otherwise: describeDefaults('channels') }),
    lrLayersOption({ note: '; they are printed beside the layers' }),
    activationOption({ note: `, on which --lr-layers depends: ${activationForms}` }),
    filtersOption(),
    layerOption({ note: 'with a convolution, for --filters', otherwise: 'the first one' }),
    jsonOption({ note: oneObject }),
  );
  return command.action((name: string, options: Options) => {
    if (options.layer !== undefined && options.filters === undefined)
      throw doesNotApply('--layer', 'without --filters');
    if (!isFile(name)) {
      if (options.filters !== undefined) throw doesNotApply('--filters', 'to a model without a file');
      const { width, size, channels, activation } = options;
      return inspect(createModel(name, { width, size, channels, activation }), options);
    }
    for (const option of ['width', 'size', 'channels', 'activation'])
      if (command.getOptionValueSource(option) === 'cli') throw doesNotApply(`--${option}`, 'to a file');
    const file = readSafetensors(name);
    const loaded = modelOf(file, name);
    const filters = options.filters === undefined ? null : filtersOf(loaded.model, options.layer);
    if (!options.json) print(`${modelFileText(name, loaded)}\n`);
    inspect(loaded.model, options, contentOf(file, loaded));
    if (filters) writeFilters(options.filters as string, filters, options.json);
  });
}

/** Writes the picture of a convolution's filters. */
function writeFilters(path: string, { layer, weight }: FilterParameter, json = false): void {
  const { shape } = weight;
  // Parameters of a file take their first values from it, not from random numbers.
  const drawn = drawFilters({ values: weight.initialize(new Philox(0, 0)), shape });
  writeAtomically(path, [encodePng(drawn.pixels, drawn.shape)]);
  const [all = 0, height, width, channels = 0] = shape;
  const part = drawn.filters < all || drawn.channels < channels;
  const which = part ? ` (the first ${drawn.filters}, and ${drawn.channels} of their channels)` : '';
  if (!json) print(`\nfilters of ${layer}: ${all} of ${height}x${width}x${channels}${which}: ${path}\n`);
}

/** Whether the argument is a path. A word that is neither a model nor a file is taken for the name of a model. */
const isFile = (name: string): boolean => !Object.hasOwn(models, name) && (existsSync(name) || /[./\\]/.test(name));

/** Returns what --json prints of a model file beside its layers. */
function contentOf({ metadata }: SafetensorsFile, { model, statistics, ...loaded }: LoadedModel) {
  const { name, classes, inputShape } = model;
  const { mean, meanShape, scale, imageShape = null } = statistics;
  const normalisation = { mean: [...mean], meanShape, scale: [...scale] };
  const graph = metadata.graph === undefined ? null : JSON.parse(metadata.graph);
  return { name, classes, inputShape, imageShape, normalisation, ...loaded, graph };
}

/** Prints the layers of a model. `content`: what --json prints beside them. */
function inspect(model: Model, { lrLayers, json }: Options, content: object = {}): void {
  const summary = inspectModel(model);
  const rates = lrLayers === undefined ? null : layerFactors(model, lrLayers);
  const layers = summary.layers.map((layer) => (rates ? { ...layer, rates: ratesOf(layer.name, rates) } : layer));
  print(json ? `${JSON.stringify({ ...content, ...summary, layers })}\n` : format({ ...summary, layers }));
}

/** The learning rates of one layer. */
interface Rates {
  /** Activations between the layer and the loss. */
  readonly depth: number;
  /** Factors on the learning rate, by the name of the parameter in the layer. */
  readonly factors: Readonly<Record<string, number>>;
}

function ratesOf(layer: string, rates: readonly LayerRate[]): Rates | null {
  const own = rates.filter((rate) => rate.layer === layer);
  if (own.length === 0) return null;
  const nameOf = ({ parameter }: LayerRate) => parameter.name.slice(parameter.name.lastIndexOf('/') + 1);
  const factors = Object.fromEntries(own.map((rate) => [nameOf(rate), rate.factor]));
  return { depth: Math.max(...own.map(({ depth }) => depth)), factors };
}

interface Summary extends ModelSummary {
  readonly layers: readonly (ModelSummary['layers'][number] & { readonly rates?: Rates | null })[];
}

function format({ layers, totals }: Summary): string {
  const count = (value: number) => value.toLocaleString('en-US');
  const withRates = layers.some(({ rates }) => rates);
  const rows = layers.map((l) => [
    ...[l.name, l.outputShape.join(' x '), count(l.parameters), count(l.macs)],
    ...(withRates ? [`${l.rates?.depth ?? ''}`, factorsText(l.rates ?? null)] : []),
  ]);
  const heads = ['layer', 'output', 'parameters', 'MACs', ...(withRates ? ['depth', 'rate'] : [])];
  const table = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ');
  const { convolutions, longestPath, parameters, macs } = totals;
  const total = `${convolutions} convolutions, ${longestPath} on the longest path; ${count(parameters)} parameters; ${count(macs)} MACs`;
  return `${table.map(line).join('\n')}\n\n${total}\n`;
}

/** Formats the factors: "4.2", or if parameters differ "weight 16, bias 1". */
function factorsText(rates: Rates | null): string {
  if (!rates) return '';
  const factors = Object.entries(rates.factors).map(([name, factor]) => [name, Number(factor.toPrecision(3))] as const);
  const [first] = factors;
  if (factors.every(([, factor]) => factor === first![1])) return `${first![1]}`;
  return factors.map(([name, factor]) => `${name} ${factor}`).join(', ');
}
