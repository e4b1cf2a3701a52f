/**
 * The public names of the package: tensors and operations, graphs and plans, layers and models, data, training, reports.
 * @module saturnn
 */

export {
  type CompileOptions,
  compile,
  type Plan,
  type PlanRunOptions,
  type RunInputs,
  type StepResults,
  type TracedKernel,
  type TraceOptions,
} from './compile/compile';
export { type EvaluateOptions, evaluate } from './compile/evaluate';
export { describeNonFinite, firstNonFinite, type NonFinite } from './compile/firstNonFinite';
export { gradient } from './compile/gradient';
export { Graph, type GraphRoots } from './compile/graph';
export { defaultPasses, optimize, type Pass } from './compile/optimize';
export type { KernelOperand, PlanKernel } from './compile/planKernels';
export { withAveragedWeights } from './compile/withAveragedWeights';
export type {
  Augmentation,
  AugmentationKind,
  AugmentationOf,
  AugmentationSettings,
  Shares as AugmentationShares,
} from './data/augmentation/kinds';
export * as augmentations from './data/augmentation/public';
export { type CifarOptions, cifar, cifar10, cifar100, type Splits } from './data/cifar';
export { CifarFile } from './data/cifarFile';
export {
  Dataset,
  type DatasetOptions,
  type LabelledImage,
  type MapOptions,
  type RecordsOptions,
} from './data/dataset';
export type { SplitOptions } from './data/divide';
export type { ArrayLayout } from './data/formats/array';
export type { ArraySplits } from './data/formats/arraySplits';
export { type IdxOptions, idx } from './data/formats/idxFiles';
export { type NpyOptions, npy } from './data/formats/npyFiles';
export { type ParquetOptions, parquet } from './data/formats/parquet';
export { type WebDatasetOptions, webDataset } from './data/formats/webDataset';
export { type GeneratedOptions, generated, generatedRecords } from './data/generated';
export { defaultDataFolder, type GetOptions, type Got as GetDataResult, getData } from './data/get';
export type { GivenLabels } from './data/givenLabels';
export type { Colour, ImageDataLike, PixelArray, PixelRange } from './data/givenPixels';
export { type Batches, DataLoader, type DataLoaderOptions, type Epoch } from './data/loader';
export { decodePicture, type PictureOptions } from './data/pictures/decode';
export type { DecodingProgress } from './data/pictures/decodeSet';
export type { PictureDecoding, PictureFit } from './data/pictures/fit';
export { type ImageFolderOptions, imageFolder } from './data/pictures/imageFolder';
export type { BrokenPicture, ImageFolder, ListedPicture } from './data/pictures/openSet';
export type { PictureSplitName } from './data/pictures/pictureSet';
export type { LabelKind, LayoutName } from './data/records';
export { type DataMode, type EvaluatedSet, type ImageShape, type ImageSource, type Split, Subset } from './data/source';
export { type Statistics, type StatisticsOptions, statisticsOf } from './data/statistics';
export type { Targets } from './data/targets';
export { type ErrorCode, SaturnnError } from './errors';
export { type EvaluatePredictionsOptions, evaluatePredictions } from './evaluation/evaluatePredictions';
export type {
  Calibration,
  CalibrationBin,
  ClassScores,
  Evaluation,
  EvaluationSummary,
  Mistake,
  Scores,
} from './evaluation/evaluation';
export type { MetricsKind } from './evaluation/metrics';
export type { LabelsEvaluation, NumbersEvaluation, OutputErrors } from './evaluation/others';
export {
  type NamedTensor,
  parseSafetensors,
  readSafetensors,
  type SafetensorsFile,
  type StoredTensor,
  writeSafetensors,
} from './files/safetensors';
export { openSafetensors, type TensorFile, type TensorInfo } from './files/tensorFile';
export type { TensorData, TensorDType } from './files/tensorTypes';
export { toFloat32 } from './files/toFloat32';
export { type LsuvLayer, type LsuvOptions, lsuv } from './initial/lsuv';
export type { ForwardContext, Layer, LayerFunction, Normalization } from './layers';
export * as layers from './layers';
export * as initializers from './layers/initializers';
export {
  type CifarResnetOptions,
  cifarResnet,
  createModel,
  type FunctionalModelOptions,
  functionalModel,
  type ImageSize,
  inception33,
  inceptionBn,
  lenet,
  type Model,
  type ModelOptions,
  mobilenetV2,
  models,
  resnet18,
  subInception,
} from './models';
export { inspectModel, type LayerSummary, type ModelSummary } from './models/inspect';
export type { OnnxDType } from './onnx/builder';
export type { OnnxCheck } from './onnx/check';
export { type ExportOnnxOptions, exportOnnx, type OnnxReport } from './onnx/exportOnnx';
export { type ActivateOptions, activate, type ClampOptions, clamp } from './ops/activation';
export * from './ops/activations';
export { type AugmentInputs, type AugmentOptions, augment, type MixOptions, mix } from './ops/augmentation';
export { type AffineOptions, add, affine, concat, multiply, type SliceOptions, slice } from './ops/channels';
export { type CountCorrectOptions, countCorrect, type LossOptions, softmaxCrossEntropy } from './ops/classification';
export { type Conv2dOpOptions, conv2d } from './ops/convolution';
export { type CopyOptions, copy, flatten } from './ops/data';
export { type DropoutOpOptions, dropout } from './ops/dropout';
export { type LinearOpOptions, linear } from './ops/linear';
export { binaryCrossEntropy, mean, meanAbsoluteError, meanSquaredError, type RowOptions } from './ops/losses';
export {
  type BatchNormInferenceInputs,
  type BatchNormOpOptions,
  batchNorm,
  batchNormInference,
  moments,
} from './ops/normalization';
export type { Padding, Pair } from './ops/op';
export {
  averagePool,
  globalAveragePool,
  globalMaxPool,
  maxPool,
  type PoolOptions,
  type UpsampleOptions,
  upsample,
} from './ops/pooling';
export { type RandomizedReluOptions, randomizedRelu } from './ops/randomizedRelu';
export { assign } from './ops/update';
export { Adam, type AdamOptions } from './optim/adam';
export { AdamW } from './optim/adamW';
export type { FlatOptimizerOptions } from './optim/flatOptimizer';
export type { ParameterGroup } from './optim/groups';
export { Lars, type LarsOptions } from './optim/lars';
export { precisionBuffers } from './optim/lossScaling';
export type { EpochEvent, OtherMetrics } from './optim/metric';
export type { Optimizer, OptimizerInputs, OptimizerNodes, UpdateParts } from './optim/optimizer';
export type { Owner } from './optim/owner';
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
export { Philox, philox4x32 } from './random';
export { chartSvg } from './report/chart';
export { type DrawnFilters, drawFilters, type FilterWeights } from './report/filters';
export type { ReportGallery, ReportPicture } from './report/gallery';
export type { HeatMap } from './report/heatMap';
export type { Axis, Chart, Series } from './report/option';
export { type OverlaidMap, type OverlayOptions, overlayMap } from './report/overlay';
export type { ReportPage, ReportTable } from './report/page';
export type { Picture } from './report/picture';
export { encodePng } from './report/png';
export { writeReport } from './report/write';
export type { Cancellable } from './runtime/cancellation';
export {
  type BackendName,
  type Device,
  type DeviceOptions,
  openDevice,
  type Precision,
  probeBackend,
  type Resident,
} from './runtime/device';
export type { GivenArray } from './runtime/dtypes';
export { type DeviceMemoryStats, type MemoryStats, memoryStats } from './runtime/memoryStats';
export type { Arena, ArrayDType, DType, TypedArray } from './runtime/native';
export {
  Parameter,
  type ParameterOptions,
  State,
  StateBuffer,
  type StateBufferOptions,
  type StateOptions,
} from './tensor/state';
export { constant, type InputOptions, input, type Node, Tensor, type TensorSpec } from './tensor/tensor';
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
export type { ChangeableSetting, RestoreOptions } from './train/checkpoint/changes';
export type { Checkpoint } from './train/checkpoint/checkpoint';
export type {
  ChangedSetting,
  CheckpointInfo,
  Description as CheckpointDescription,
  Position as TrainingPosition,
  SettingsChange,
} from './train/checkpoint/checkpointInfo';
export type { SavedTally } from './train/checkpoint/tally';
export type { ClassWeights } from './train/classWeights';
export { convertWeights } from './train/convert/convertWeights';
export type { ConvertWeightsOptions } from './train/convert/options';
export type { EvaluateEvery } from './train/evaluateEvery';
export type { EvaluationOptions } from './train/evaluation/options';
export type {
  ChangedEvent,
  CheckpointEvent,
  EndEvent,
  StepEvent,
  StoppedEvent,
  TrainEvent,
  WarningEvent,
} from './train/events';
export type { ActivationsOptions, LayerActivations } from './train/explain/activations';
export type { GradCam, GradCamOptions } from './train/explain/gradCam';
export { type LoadPredictorOptions, loadPredictor } from './train/loadPredictor';
export type { Loss, LossFunction, LossName, LossTensors, TrainedLoss } from './train/loss/loss';
export type { CardMetrics, CardOrigin, ModelCard } from './train/modelFile/card';
export { type HeadOptions, type LoadedModel, loadModel } from './train/modelFile/loadModel';
export type {
  DecodedFiles,
  DecodeFilesOptions,
  FilePrediction,
  Guess,
  PredictFilesOptions,
} from './train/predict/files';
export {
  type Images,
  type Predictions,
  type PredictOptions,
  Predictor,
  type PredictorOptions,
} from './train/predictor';
export { type FindRateOptions, findLearningRate, type RateSearchOptions } from './train/rates/findLearningRate';
export { type RateCurve, type RatePoint, rateChart } from './train/rates/rateCurve';
export { type Fit, type FitOptions, Trainer, type TrainerOptions } from './train/trainer';
export type { TrainerView } from './train/trainerView';
export type { WeightLayout } from './weights/layout';
export { readWeightMap, type WeightMap, type WeightPlace, type WeightRule } from './weights/map';
export type { FittedWeight, MisfittingWeight, MissingWeight, WeightsReport } from './weights/report';
export type { WeightDType } from './weights/values';
