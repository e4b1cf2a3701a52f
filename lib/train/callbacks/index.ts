export { Checkpoints, type CheckpointsOptions, checkpointNames } from './checkpoints';
export { EarlyStopping, type EarlyStoppingOptions } from './earlyStopping';
export { CsvLog, JsonlLog } from './logs';
export type { Metric } from './metric';
