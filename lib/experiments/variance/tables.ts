/** Tables of a variance study, for the terminal and reports. */
import type { ReportTable } from '../../report/page';
import type { Compared, VarianceChain, VarianceChainLayer } from './chain';
import type { Factor } from './factors';
import type { VarianceLayer } from './gauge';
import type { VarianceRun } from './variance';

/** Formats a number with three digits and a power of ten, to compare orders of magnitude: "1.23e-4"; "-" if there is none. */
const scientific = (value: number | null | undefined): string =>
  value === null || value === undefined || !Number.isFinite(value) ? '-' : value.toExponential(2);

/** Formats a number with three digits, or two and a power of ten if it is below 0.01 or at least 10,000. */
const short = (value: number | null | undefined): string => {
  if (value === null || value === undefined || !Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-2 || size >= 1e4) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
};

/** Returns the name of a chain: "sigmoid, centred". */
export const chainName = ({ activation, centred }: Pick<VarianceChain, 'activation' | 'centred'>): string =>
  centred ? `${activation}, centred` : activation;

const zText = (z: number | null): string => (z === null ? '  -' : `${z < 0 ? '-' : '+'}${Math.abs(z).toFixed(1)}`);

type ChainQuantity = 'variance' | 'meanSquare' | 'gradient';

/** Quantities that are measured along a chain. */
export const chainQuantities: readonly { readonly key: ChainQuantity; readonly title: string }[] = [
  { key: 'variance', title: 'Var[y]' },
  { key: 'meanSquare', title: 'E[y²]' },
  { key: 'gradient', title: 'Var[dE/dy]' },
];

/** Returns the z of a quantity with the largest |z|, and its layer, from 1; null if nothing was compared. */
export function worst(layers: readonly VarianceChainLayer[], key: ChainQuantity): { z: number; layer: number } | null {
  let found: { z: number; layer: number } | null = null;
  layers.forEach((layer, index) => {
    const { z } = layer[key];
    if (z !== null && (found === null || Math.abs(z) > Math.abs(found.z))) found = { z, layer: 1 + index };
  });
  return found;
}

/** Returns a table with a row per activation: where measured and predicted values differ most, and both ends of the chain. */
export function chainSummary(chains: readonly VarianceChain[]): ReportTable {
  const ends = (layer: VarianceChainLayer | undefined, key: 'variance' | 'gradient') => {
    const compared = layer?.[key];
    return `${scientific(compared?.measured)} (${scientific(compared?.predicted)}; ${scientific(layer?.linear[key])})`;
  };
  return {
    title: 'Measured and predicted',
    heads: [
      'activation',
      'n Var[w]',
      ...chainQuantities.map(({ title }) => `largest |z|, ${title}`),
      'Var[y], last layer',
      'Var[dE/dy], first layer',
    ],
    rows: chains.map((chain) => [
      chainName(chain),
      short(chain.magnitude),
      ...chainQuantities.map(({ key }) => {
        const found = worst(chain.layers, key);
        return found ? `${zText(found.z)} in layer ${found.layer}` : '-';
      }),
      ends(chain.layers.at(-1), 'variance'),
      ends(chain.layers[0], 'gradient'),
    ]),
    note:
      'z is measured minus predicted, in standard errors of the mean over draws; it is not given if the predicted value is too ' +
      'small for f32 to resolve. In brackets: the prediction; the prediction of equations 4 and 6, which assume the same slope ' +
      'everywhere.',
  };
}

/** Returns a table per quantity, with a row per layer and a column per activation: the measured value and, in brackets, z. */
export function chainTables(chains: readonly VarianceChain[]): ReportTable[] {
  const cell = ({ measured, z }: Compared) => `${scientific(measured)} (${zText(z)})`;
  const count = chains[0]?.layers.length ?? 0;
  return chainQuantities.map(({ key, title }) => ({
    title: `${title}, measured (z)`,
    heads: ['layer', ...chains.map(chainName)],
    rows: Array.from({ length: count }, (_, layer) => [
      String(1 + layer),
      ...chains.map(({ layers }) => cell(layers[layer]![key])),
    ]),
  }));
}

/** Quantities that are measured in every layer of a network. */
export const quantities = [
  { key: 'betweenImages', title: 'Var[y] between images', of: ({ y }: VarianceLayer) => y.betweenImages },
  { key: 'variance', title: 'Var[y]', of: ({ y }: VarianceLayer) => y.variance },
  { key: 'gradient', title: 'Var[dE/dy]', of: ({ gradient }: VarianceLayer) => gradient.variance },
] as const;

/** Groups runs by initialisation, in the order in which they come. */
export function byInitialization(runs: readonly VarianceRun[]): [initialization: string, runs: VarianceRun[]][] {
  const groups = new Map<string, VarianceRun[]>();
  for (const run of runs) groups.set(run.initialization, [...(groups.get(run.initialization) ?? []), run]);
  return [...groups];
}

/** Returns the steps at which any run was measured, in ascending order. */
const stepsOf = (runs: readonly VarianceRun[]): number[] =>
  [...new Set(runs.flatMap(({ moments }) => moments.map(({ step }) => step)))].sort((a, b) => a - b);

const momentAt = ({ moments }: VarianceRun, step: number) => moments.find((moment) => moment.step === step);

/**
 * Returns a table per initialisation, moment and quantity, with a row per layer on the longest path (of all layers with
 * `all`) and a column per activation.
 */
export function layerTables(runs: readonly VarianceRun[], { all = false }: { all?: boolean } = {}): ReportTable[] {
  return byInitialization(runs).flatMap(([initialization, group]) =>
    stepsOf(group).flatMap((step) =>
      quantities.map(({ title, of }) => {
        const moments = group.map((run) => momentAt(run, step));
        const layers = moments.find((moment) => moment)?.layers ?? [];
        return {
          title: `${title}, ${after(step)}, ${initialization}`,
          heads: ['layer', 'depth', ...group.map(({ activation }) => activation)],
          rows: layers.flatMap(({ name, depth, onLongestPath }, index) =>
            all || onLongestPath
              ? [[name, String(depth), ...moments.map((moment) => scientific(moment && of(moment.layers[index]!)))]]
              : [],
          ),
        };
      }),
    ),
  );
}

/** Returns a moment in words: "at step 0", "after 50 steps". */
export const after = (step: number): string => (step === 0 ? 'at step 0' : `after ${step} steps`);

/** A row of the table of factors: its name, and its value from the factors of one activation. */
interface FactorRow {
  readonly name: string;
  readonly value: (factors: readonly Factor[]) => number | null;
}

const geometric = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((value): value is number => value !== null && value > 0 && Number.isFinite(value));
  return known.length === 0 ? null : Math.exp(known.reduce((sum, value) => sum + Math.log(value), 0) / known.length);
};

const ratio = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a / b);

const families: readonly { readonly name: string; readonly has: (factor: Factor) => boolean }[] = [
  { name: '1x1 convolutions', has: ({ kind, padded }) => kind === 'convolution' && !padded },
  { name: '3x3 convolutions, padded', has: ({ kind, padded }) => kind === 'convolution' && padded },
  { name: 'activations', has: ({ kind }) => kind === 'activation' },
];

/**
 * Makes the rows: measured over predicted, as a geometric mean over a family; pools and concatenations one by one, as
 * measured.
 */
function factorRows(factors: readonly Factor[]): FactorRow[] {
  const means = families.flatMap(({ name, has }): FactorRow[] => {
    const [forward, backward] = name === 'activations' ? ['eq. 4', 'eq. 6'] : ['eq. 3', 'eq. 5'];
    const mean = (of: (factor: Factor) => number | null) => (list: readonly Factor[]) =>
      geometric(list.filter(has).map(of));
    return [
      {
        name: `${name}: between images / ${forward}`,
        value: mean((factor) => ratio(factor.betweenImages, factor.predictedForward)),
      },
      {
        name: `${name}: Var[y] / ${forward}`,
        value: mean((factor) => ratio(factor.forward, factor.predictedForward)),
      },
      {
        name: `${name}: backward / ${backward}`,
        value: mean((factor) => ratio(factor.backward, factor.predictedBackward)),
      },
    ];
  });
  const single = factors.flatMap(({ kind, name }, index): FactorRow[] => {
    if (kind !== 'pool' && kind !== 'concatenation') return [];
    const [first, second] = kind === 'pool' ? ['between images', 'backward'] : ['unevenness', 'sum of gradients'];
    return [
      { name: `${kind} ${name}: ${first}`, value: (list) => list[index]?.betweenImages ?? null },
      { name: `${kind} ${name}: ${second}`, value: (list) => list[index]?.backward ?? null },
    ];
  });
  return [...means, ...single];
}

/** Returns a table per initialisation of the factors by which the parts multiply variances at step 0. */
export function factorTables(runs: readonly VarianceRun[]): ReportTable[] {
  return byInitialization(runs).map(([initialization, group]) => {
    const factors = group.map(({ moments }) => moments[0]!.factors);
    return {
      title: `Factors at step 0, ${initialization}`,
      heads: ['', ...group.map(({ activation }) => activation)],
      rows: factorRows(factors[0]!).map(({ name, value }) => [name, ...factors.map((list) => short(value(list)))]),
      note:
        'Convolutions and activations: the geometric mean of measured factors divided by predicted ones, as far as f32 resolves ' +
        'them. Pools: the variance of the output divided by that of the input, and for gradients that of the input divided by ' +
        'that of the output. Concatenations: the largest variance of an input divided by the smallest; and the variance of the ' +
        'summed gradients from all readers divided by the sum of their variances.',
    };
  });
}
