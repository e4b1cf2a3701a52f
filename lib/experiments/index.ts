/**
 * The public names of `saturnn/experiments`.
 * @module saturnn/experiments
 */
export {
  type Comparison,
  type EquivalenceOptions,
  type EquivalenceResult,
  equivalence,
  type RuleRun,
} from './equivalence';
export { mapParameters } from './equivalenceMap';
export { type SigmoidTwin, sigmoidTwin, type TwinOptions } from './equivalenceNetwork';
export { PreconditionedSgd, type PreconditionedSgdOptions } from './equivalenceOptimizer';
export { equivalencePage } from './equivalenceReport';
export {
  describeLayerRates,
  type LayerRate,
  type LayerRateOptions,
  type LayerRateRule,
  layerFactors,
  layerRates,
  parseLayerRates,
} from './layerRates';

export { type PaperResult, paperActivations, paperResults } from './paper';
export { expectedSquare, expectedSquaredDifference, expectedSquaredSlope } from './prediction';
export { type ChainLayer, type ChainOptions, defaultMagnitude, predictChain } from './predictionChain';
export { type Preset, type PresetName, presets } from './presets';
export type { RateChoice, Rates, Search, SearchSettings, Trial } from './rates';
export { partsOf, type Recipe, trainingOf } from './recipe';
export { type Chance, chanceOf, isStuck, learningThreshold, type Status } from './status';
export { type Sweep, type SweepEpoch, type SweepOptions, type SweepRow, sweep } from './sweep';
export { type Table1, type Table1Event, type Table1Options, type Table1Plan, table1 } from './table1';
export type { Spread, Table1Row } from './table1Rows';
export type { Table1Fixed, Table1Overrides, Table1Settings } from './table1Settings';
export {
  type LabelledTraining,
  readTraining,
  runTrainings,
  type TrainingData,
  type TrainingParts,
  type TrainingRecord,
  type TrainingResult,
  type TrainingsEvent,
  type TrainingsOptions,
} from './trainings';
export { type VarianceOptions, type VarianceRun, variance } from './variance';
export {
  type Compared,
  type VarianceChain,
  type VarianceChainLayer,
  type VarianceChainOptions,
  varianceChain,
} from './varianceChain';
export type { Factor } from './varianceFactors';
export type { VarianceLayer, VarianceMoment } from './varianceGauge';
export { chainPage, variancePage } from './varianceReport';
export type { ChannelStatistics } from './varianceStatistics';
