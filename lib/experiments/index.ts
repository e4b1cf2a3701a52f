/**
 * The public names of `saturnn/experiments`: the experiments of the paper (Table 1, variances of layers, sigmoid* and
 * sigmoid), and what they are made of. The paper is "Revise Saturated Activation Functions" (Xu, Huang and Li,
 * arXiv:1602.05980). Its sigmoid* is 4 sigmoid(x) - 2, the activation scaledSigmoid(); a sigmoid* network is a network with
 * this activation.
 * @module saturnn/experiments
 */
export type { Validation } from '../data/validation';
export { type Initialization, parseInitialization } from '../initial/initialization';
export type { Slope as ActivationSlope } from '../models/places';
export type { Settings as RunSettings } from '../train/runFolder';
export type { TrainingBegin } from '../train/training';
export {
  type Comparison,
  type EquivalenceOptions,
  type EquivalenceResult,
  equivalence,
  type RuleRun,
} from './equivalence/equivalence';
export { mapParameters, type Values as ParameterValues } from './equivalence/map';
export { type CoupledLayer, type SigmoidTwin, sigmoidTwin, type TwinOptions } from './equivalence/network';
export { PreconditionedSgd, type PreconditionedSgdOptions } from './equivalence/optimizer';
export { equivalencePage } from './equivalence/report';
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
export { type ChainLayer, type ChainOptions, defaultMagnitude, predictChain } from './prediction/chain';
export { expectedSquare, expectedSquaredDifference, expectedSquaredSlope } from './prediction/prediction';
export { type Preset, type PresetName, presets } from './presets';
export type { RateChoice, Rates, Search, SearchSettings, Trial } from './rates';
export { partsOf, type Recipe, trainingOf } from './recipe';
export { type Chance, chanceOf, isStuck, learningThreshold, type Status } from './status';
export type { Sweep, SweepEpoch, SweepRow } from './sweep/rows';
export { type SweepOptions, sweep } from './sweep/sweep';
export type { Spread, Table1, Table1Row } from './table1/rows';
export type { Table1Fixed, Table1Overrides, Table1Settings } from './table1/settings';
export { type Table1Event, type Table1Options, type Table1Plan, type TablePictures, table1 } from './table1/table1';
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
export {
  type Compared,
  type VarianceChain,
  type VarianceChainLayer,
  type VarianceChainOptions,
  varianceChain,
} from './variance/chain';
export type { Factor } from './variance/factors';
export type { VarianceLayer, VarianceMoment } from './variance/gauge';
export type { PartKind } from './variance/probe';
export { chainPage, variancePage } from './variance/report';
export type { ChannelStatistics } from './variance/statistics';
export { type VarianceOptions, type VarianceRun, variance } from './variance/variance';
