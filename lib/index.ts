/** The public names of the package. */

// Graphs, plans, devices
export { type CompileOptions, compile, type Plan, type PlanKernel, type RunInputs, type StepResults } from './compile';
// Data
export { Dataset, type Statistics } from './data/dataset';
export { generated, generatedRecords } from './data/generated';
export { type Batches, DataLoader, type DataLoaderOptions } from './data/loader';
export { type Device, type DeviceOptions, openDevice, type Precision, probeBackend, type Resident } from './device';
export { SaturnnError } from './errors';
export { type EvaluateOptions, evaluate } from './evaluate';
export { gradient } from './graph/gradient';
export { Graph } from './graph/graph';
export { defaultPasses, optimize, type Pass } from './graph/optimize';
// Networks
export * as initializers from './initializers';
export type { Layer } from './layers';
export * as layers from './layers';
export { createModel, inception33, type Model, type ModelOptions, models, subInception } from './models';
export { inspectModel, type LayerSummary, type ModelSummary } from './models/inspect';
export {
  type Activation,
  type ActivationKind,
  activate,
  leakyRelu,
  leakyTanh,
  parseActivation,
  relu,
  scaledSigmoid,
  sigmoid,
  tanh,
} from './ops/activation';
export { add } from './ops/add';
export { assign } from './ops/assign';
export { augment } from './ops/augment';
export { averagePool } from './ops/averagePool';
export { concat } from './ops/concat';
export { conv2d } from './ops/conv2d';
export { copy } from './ops/copy';
export { countCorrect } from './ops/countCorrect';
export { globalAveragePool } from './ops/globalAveragePool';
export { linear } from './ops/linear';
export { maxPool } from './ops/maxPool';
export { slice } from './ops/slice';
export { softmaxCrossEntropy } from './ops/softmaxCrossEntropy';
// Training
export type { Optimizer } from './optim/optimizer';
export { Sgd, type SgdOptions } from './optim/sgd';
// Random numbers, errors
export { Philox, philox4x32 } from './random';
export { State, type StateOptions } from './state';
// Tensors and operations
export { constant, input, Parameter, StateBuffer, Tensor } from './tensor';
export type { EndEvent, EpochEvent, StepEvent, TrainEvent } from './train/events';
export { readSafetensors, writeSafetensors } from './train/safetensors';
export { type Evaluation, type FitOptions, Trainer, type TrainerOptions } from './train/trainer';
