/** `saturnn inspect MODEL`: the layers of a model, counted; nothing native is loaded. */
import { Command } from 'commander';
import { type LayerRate, layerFactors, layerRateForms, parseLayerRates } from '../experiments/layerRates';
import { createModel, models } from '../models';
import { inspectModel, type ModelSummary } from '../models/inspect';
import { formatActivation } from '../ops/activation';
import { type Activation, leakyTanh } from '../ops/activations';
import * as read from './options';

interface Options {
  width: number;
  activation: Activation;
  lrLayers?: string;
  json?: boolean;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('print the layers of a model: output shape, parameters, multiply-adds for one image')
    .argument('<model>', `one of ${Object.keys(models).join(', ')}`)
    .option('--width <w>', 'factor on all channel counts', read.positiveNumber, 1)
    .option(
      '--lr-layers <rule>',
      `and its learning rates by this rule: ${layerRateForms}`,
      read.reading((text) => {
        parseLayerRates(text);
        return text;
      }),
    )
    .option('--activation <name[:a]>', `for --lr-layers (default: ${defaultActivation})`, read.activation, leakyTanh())
    .option('--json', 'print one JSON object')
    .action((name: string, { width, activation, lrLayers, json }: Options) => {
      const model = createModel(name, { width, activation });
      const summary = inspectModel(model);
      const rates = lrLayers === undefined ? null : layerFactors(model, lrLayers);
      const layers = summary.layers.map((layer) => (rates ? { ...layer, rates: ratesOf(layer.name, rates) } : layer));
      process.stdout.write(json ? `${JSON.stringify({ ...summary, layers })}\n` : format({ ...summary, layers }));
    });
}

const defaultActivation = formatActivation(leakyTanh());

/** Of a layer: activations above it, and the factors of its parameters by their names in it. */
interface Rates {
  readonly depth: number;
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

/** "4.2", or where parameters differ "weight 16, bias 1". */
function factorsText(rates: Rates | null): string {
  if (!rates) return '';
  const factors = Object.entries(rates.factors).map(([name, factor]) => [name, Number(factor.toPrecision(3))] as const);
  const [first] = factors;
  if (factors.every(([, factor]) => factor === first![1])) return `${first![1]}`;
  return factors.map(([name, factor]) => `${name} ${factor}`).join(', ');
}
