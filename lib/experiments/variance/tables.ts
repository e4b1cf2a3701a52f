/** What was measured as cells of text, for terminals and reports. */
import type { ReportTable } from '../../report/page';
import type { Compared, VarianceChain, VarianceChainLayer } from './chain';
import type { Factor } from './factors';
import type { VarianceLayer } from './gauge';
import type { VarianceRun } from './variance';

/** As a reader compares orders of magnitude: three digits and a power of ten. */
export const scientific = (value: number | null | undefined): string =>
  value === null || value === undefined || !Number.isFinite(value) ? '-' : value.toExponential(2);

const short = (value: number | null | undefined): string => {
  if (value === null || value === undefined || !Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-2 || size >= 1e4) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
};

export const chainName = ({ activation, centred }: Pick<VarianceChain, 'activation' | 'centred'>): string =>
  centred ? `${activation}, centred` : activation;

const zText = (z: number | null): string => (z === null ? '  -' : `${z < 0 ? '-' : '+'}${Math.abs(z).toFixed(1)}`);

type ChainQuantity = 'variance' | 'meanSquare' | 'gradient';

export const chainQuantities: readonly { readonly key: ChainQuantity; readonly title: string }[] = [
  { key: 'variance', title: 'Var[y]' },
  { key: 'meanSquare', title: 'E[y²]' },
  { key: 'gradient', title: 'Var[dE/dy]' },
];

/** The largest |z| of a quantity, and the layer it is at; null where nothing was compared. */
export function worst(layers: readonly VarianceChainLayer[], key: ChainQuantity): { z: number; layer: number } | null {
  let found: { z: number; layer: number } | null = null;
  layers.forEach((layer, index) => {
    const { z } = layer[key];
    if (z !== null && (found === null || Math.abs(z) > Math.abs(found.z))) found = { z, layer: 1 + index };
  });
  return found;
}

/** A row per activation: where measured and predicted differ most, and both ends of the chain. */
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
    note: 'z: measured minus predicted, in standard errors of the mean over draws. In brackets: predicted; what equations 4 and 6 say with one slope everywhere. Where the predicted variance is below what f32 resolves, z is not given.',
  };
}

/** A row per layer, a column per activation: measured, and in brackets z. */
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

export const quantities = [
  { key: 'betweenImages', title: 'Var[y] between images', of: ({ y }: VarianceLayer) => y.betweenImages },
  { key: 'variance', title: 'Var[y]', of: ({ y }: VarianceLayer) => y.variance },
  { key: 'gradient', title: 'Var[dE/dy]', of: ({ gradient }: VarianceLayer) => gradient.variance },
] as const;

/** Runs by initialisation, in the order in which they come. */
export function byInitialization(runs: readonly VarianceRun[]): [initialization: string, runs: VarianceRun[]][] {
  const groups = new Map<string, VarianceRun[]>();
  for (const run of runs) groups.set(run.initialization, [...(groups.get(run.initialization) ?? []), run]);
  return [...groups];
}

/** Steps at which there is something, in order. */
const stepsOf = (runs: readonly VarianceRun[]): number[] =>
  [...new Set(runs.flatMap(({ moments }) => moments.map(({ step }) => step)))].sort((a, b) => a - b);

const momentAt = ({ moments }: VarianceRun, step: number) => moments.find((moment) => moment.step === step);

/** A table per initialisation, moment and quantity: a row per layer on the longest path, a column per activation. */
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

export const after = (step: number): string => (step === 0 ? 'at step 0' : `after ${step} steps`);

/** A family of factors: what its rows say of one activation. */
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

/** Measured over predicted, as a geometric mean over a family; pools and concatenations one by one, as measured. */
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

/** By how much the parts multiply variances, at step 0; a table per initialisation. */
export function factorTables(runs: readonly VarianceRun[]): ReportTable[] {
  return byInitialization(runs).map(([initialization, group]) => {
    const factors = group.map(({ moments }) => moments[0]!.factors);
    return {
      title: `Factors at step 0, ${initialization}`,
      heads: ['', ...group.map(({ activation }) => activation)],
      rows: factorRows(factors[0]!).map(({ name, value }) => [name, ...factors.map((list) => short(value(list)))]),
      note: 'Convolutions and activations: geometric means of measured over predicted factors, where f32 resolves them. Pools: variance after over variance before, and that of the gradient before over after. Concatenations: the largest over the smallest variance of what is joined; and the variance of the gradients that come back from all readers over the sum of their variances.',
    };
  });
}
