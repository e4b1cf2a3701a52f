export type { Metric } from '../../optim/metric';
export { Checkpoints, type CheckpointsOptions, checkpointNames } from './checkpoints';
export { EarlyStopping, type EarlyStoppingOptions } from './earlyStopping';
export { CsvLog, JsonlLog } from './logs';
