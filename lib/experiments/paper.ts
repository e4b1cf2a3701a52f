/** What "Revise Saturated Activation Functions" (arXiv:1602.05980v2) reports: Table 1, and which curves Figures 1-4 compare. */

export interface PaperResult {
  readonly activation: string;
  /** Accuracies on CIFAR-100 as fractions; null: N/A, the network does not learn. */
  readonly train: number | null;
  readonly test: number | null;
}

/** Table 1, in its order. */
export const paperResults: readonly PaperResult[] = [
  { activation: 'sigmoid', train: null, test: null },
  { activation: 'scaledSigmoid', train: 0.8939, test: 0.5911 },
  { activation: 'tanh', train: 0.9694, test: 0.6199 },
  { activation: 'relu', train: 0.9917, test: 0.6791 },
  { activation: 'leakyTanh:0.25', train: 0.9975, test: 0.7043 },
  { activation: 'leakyRelu:0.25', train: 0.9985, test: 0.7064 },
];

/** Of Table 1, in its order. */
export const paperActivations: readonly string[] = paperResults.map(({ activation }) => activation);

/** Null: the paper has no such activation. */
export const paperResultOf = (activation: string): PaperResult | null =>
  paperResults.find((result) => result.activation === activation) ?? null;

/** An activation that the figures show. */
export type FigureKind = 'scaledSigmoid' | 'tanh' | 'leakyTanh' | 'relu' | 'leakyRelu';

/** Each compares an activation with relu: train and test accuracy per epoch. */
export const paperFigures: readonly {
  readonly id: string;
  readonly kinds: readonly [FigureKind, FigureKind];
}[] = [
  { id: 'figure1', kinds: ['scaledSigmoid', 'relu'] },
  { id: 'figure2', kinds: ['tanh', 'relu'] },
  { id: 'figure3', kinds: ['leakyRelu', 'relu'] },
  { id: 'figure4', kinds: ['leakyTanh', 'relu'] },
];

/** As the paper writes them. */
export const titles: Readonly<Record<FigureKind, string>> = {
  scaledSigmoid: 'sigmoid*',
  tanh: 'tanh',
  leakyTanh: 'leaky tanh',
  relu: 'ReLU',
  leakyRelu: 'leaky ReLU',
};
