/**
 * Results of "Revise Saturated Activation Functions" (arXiv:1602.05980v2): Table 1, and the curves that Figures 1-4 compare.
 */

/** A row of Table 1 of the paper. */
export interface PaperResult {
  /** Text as parseActivation() reads it: "leakyTanh:0.25". */
  readonly activation: string;
  /** Training accuracy on CIFAR-100, 0 to 1; null where the paper has N/A because the network does not learn. */
  readonly train: number | null;
  /** Test accuracy on CIFAR-100, 0 to 1; null as for `train`. */
  readonly test: number | null;
}

/** Table 1 of "Revise Saturated Activation Functions" (arXiv:1602.05980v2): six activations in the paper's order. */
export const paperResults: readonly PaperResult[] = [
  { activation: 'sigmoid', train: null, test: null },
  { activation: 'scaledSigmoid', train: 0.8939, test: 0.5911 },
  { activation: 'tanh', train: 0.9694, test: 0.6199 },
  { activation: 'relu', train: 0.9917, test: 0.6791 },
  { activation: 'leakyTanh:0.25', train: 0.9975, test: 0.7043 },
  { activation: 'leakyRelu:0.25', train: 0.9985, test: 0.7064 },
];

/**
 * Activations of Table 1 of the paper, in its order, as text for parseActivation(): "sigmoid", "scaledSigmoid", "tanh", "relu",
 * "leakyTanh:0.25" and "leakyRelu:0.25".
 */
export const paperActivations: readonly string[] = paperResults.map(({ activation }) => activation);

/** Returns the paper's result for an activation, or null if it is not in Table 1. */
export const paperResultOf = (activation: string): PaperResult | null =>
  paperResults.find((result) => result.activation === activation) ?? null;

/** Kind of an activation that the paper's figures show. */
export type FigureKind = 'scaledSigmoid' | 'tanh' | 'leakyTanh' | 'relu' | 'leakyRelu';

/** Figures 1-4. Each compares train and test accuracy per epoch of an activation with those of relu. */
export const paperFigures: readonly {
  readonly id: string;
  readonly kinds: readonly [FigureKind, FigureKind];
}[] = [
  { id: 'figure1', kinds: ['scaledSigmoid', 'relu'] },
  { id: 'figure2', kinds: ['tanh', 'relu'] },
  { id: 'figure3', kinds: ['leakyRelu', 'relu'] },
  { id: 'figure4', kinds: ['leakyTanh', 'relu'] },
];

/** Names of the activations as the paper writes them. */
export const titles: Readonly<Record<FigureKind, string>> = {
  scaledSigmoid: 'sigmoid*',
  tanh: 'tanh',
  leakyTanh: 'leaky tanh',
  relu: 'ReLU',
  leakyRelu: 'leaky ReLU',
};
