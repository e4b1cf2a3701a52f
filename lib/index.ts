/**
 * The public names of the package.
 * @module saturnn
 */

// Graphs, plans, devices
export {
  type CompileOptions,
  compile,
  type Plan,
  type RunInputs,
  type StepResults,
  type TracedKernel,
  type TraceOptions,
} from './compile';
// Data
export { type CifarOptions, cifar, cifar10, cifar100, type Splits } from './data/cifar';
export { CifarFile } from './data/cifarFile';
export { Dataset, type DatasetOptions, type RecordsOptions } from './data/dataset';
export { generated, generatedRecords } from './data/generated';
export { defaultDataFolder, type GetOptions, getData } from './data/get';
export { type Batches, DataLoader, type DataLoaderOptions } from './data/loader';
export type { LabelKind, LayoutName } from './data/records';
export { type ImageShape, type ImageSource, Subset } from './data/source';
export { type Statistics, type StatisticsOptions, statisticsOf } from './data/statistics';
export { type Device, type DeviceOptions, openDevice, type Precision, probeBackend, type Resident } from './device';
export { type ErrorCode, SaturnnError } from './errors';
export { type EvaluateOptions, evaluate } from './evaluate';
export { describeNonFinite, firstNonFinite, type NonFinite } from './firstNonFinite';
export { gradient } from './graph/gradient';
export { Graph } from './graph/graph';
export { defaultPasses, optimize, type Pass } from './graph/optimize';
export { withAveragedWeights } from './graph/withAveragedWeights';
// Networks
export * as initializers from './initializers';
export type { ForwardContext, Layer, LayerFunction, Normalization } from './layers';
export * as layers from './layers';
export { type LsuvLayer, type LsuvOptions, lsuv } from './lsuv';
export { type DeviceMemoryStats, type MemoryStats, memoryStats } from './memoryStats';
export {
  createModel,
  type FunctionalModelOptions,
  functionalModel,
  inception33,
  inceptionBn,
  type Model,
  type ModelOptions,
  models,
  subInception,
} from './models';
export { inspectModel, type LayerSummary, type ModelSummary } from './models/inspect';
export {
  type Activation,
  type ActivationKind,
  activate,
  elu,
  leakyRelu,
  leakyTanh,
  parseActivation,
  relu,
  rrelu,
  scaledSigmoid,
  sigmoid,
  tanh,
} from './ops/activation';
export { add } from './ops/add';
export { assign } from './ops/assign';
export { augment } from './ops/augment';
export { averagePool } from './ops/averagePool';
export { batchNorm } from './ops/batchNorm';
export { batchNormInference } from './ops/batchNormInference';
export { concat } from './ops/concat';
export { conv2d } from './ops/conv2d';
export { copy } from './ops/copy';
export { type CountCorrectOptions, countCorrect } from './ops/countCorrect';
export { dropout } from './ops/dropout';
export { globalAveragePool } from './ops/globalAveragePool';
export { linear } from './ops/linear';
export { maxPool } from './ops/maxPool';
export { moments } from './ops/moments';
export { type RandomizedReluOptions, randomizedRelu } from './ops/randomizedRelu';
export { slice } from './ops/slice';
export { type LossOptions, softmaxCrossEntropy } from './ops/softmaxCrossEntropy';
// Training
export { Adam, type AdamOptions } from './optim/adam';
export { AdamW } from './optim/adamW';
export type { FlatOptimizerOptions } from './optim/flatOptimizer';
export type { ParameterGroup } from './optim/groups';
export { Lars, type LarsOptions } from './optim/lars';
export { precisionBuffers } from './optim/lossScaling';
export type { Optimizer } from './optim/optimizer';
export { parseSchedule } from './optim/parseSchedule';
export { type PlateauMetric, type PlateauOptions, plateauRate } from './optim/plateau';
export { constantRate, type RunLength, type Schedule, type Span } from './optim/schedule';
export {
  type CosineRateOptions,
  cosineRate,
  type OneCycleRateOptions,
  oneCycleRate,
  type StepRateOptions,
  stepRate,
  warmUp,
} from './optim/schedules';
export { Sgd, type SgdOptions } from './optim/sgd';
export type { KernelOperand, PlanKernel } from './planKernels';
// Random numbers, errors
export { Philox, philox4x32 } from './random';
// Reports
export { type Axis, type Chart, chartSvg, type Series } from './report/chart';
export type { ReportPage, ReportTable } from './report/page';
export { writeReport } from './report/write';
export { State, type StateOptions } from './state';
// Tensors and operations
export { constant, input, Parameter, StateBuffer, Tensor } from './tensor';
export type { Callback, RunControl, SavedCallback } from './train/callback';
export {
  Checkpoints,
  type CheckpointsOptions,
  CsvLog,
  EarlyStopping,
  type EarlyStoppingOptions,
  JsonlLog,
  type Metric,
} from './train/callbacks';
export type { Checkpoint } from './train/checkpoint';
export type { CheckpointInfo } from './train/checkpointInfo';
export type {
  CheckpointEvent,
  EndEvent,
  EpochEvent,
  StepEvent,
  StoppedEvent,
  TrainEvent,
  WarningEvent,
} from './train/events';
export { loadPredictor } from './train/loadPredictor';
export type { Images, Predictions, Predictor, PredictorOptions } from './train/predictor';
export {
  type NamedTensor,
  parseSafetensors,
  readSafetensors,
  type SafetensorsFile,
  type TensorData,
  writeSafetensors,
} from './train/safetensors';
export { type DataMode, type Evaluation, type FitOptions, Trainer, type TrainerOptions } from './train/trainer';
