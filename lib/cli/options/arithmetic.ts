/** The options that say where and how a step is computed. */
import type { Command } from 'commander';
import {
  type Device,
  defaultDevice,
  deviceForms,
  openDevice,
  type Precision,
  precisions,
  threadsField,
} from '../../runtime/device';
import { trainerDefaults } from '../../train/trainerOptions';
import { addOptions, declare } from './declare';
import * as read from './readers';

export const deviceOption = declare({
  flags: '--device <name>',
  help: `the processor: ${deviceForms}; auto takes a GPU if one works`,
  read: read.device,
  default: defaultDevice,
  shown: defaultDevice,
});

export const threadsOption = declare({
  flags: '--threads <n>',
  help: 'threads of the CPU',
  field: threadsField,
  otherwise: '0: OMP_NUM_THREADS, or one per core',
});

export const precisionOption = declare({
  flags: '--precision <name>',
  help: 'arithmetic; bf16 needs AVX-512 or a GPU, tf32 and fp16 a GPU',
  choices: precisions,
  default: trainerDefaults.precision,
  shown: trainerDefaults.precision,
});

const noDeterministicOption = declare({
  flags: '--no-deterministic',
  help: 'allow kernels of a GPU whose results differ in their last bits from run to run',
});

const noAutotuneOption = declare({
  flags: '--no-autotune',
  help: 'take the first kernel of each convolution on a GPU instead of timing the candidates',
});

export interface ArithmeticOptions {
  device: string;
  threads?: number;
  precision: Precision;
  deterministic: boolean;
  autotune: boolean;
}

/** Adds --device, --precision, and the options of addKernelOptions. */
export const addArithmeticOptions = (command: Command): Command =>
  addKernelOptions(addOptions(command, deviceOption(), threadsOption(), precisionOption()));

/** Adds --no-deterministic and --no-autotune. */
export const addKernelOptions = (command: Command): Command =>
  addOptions(command, noDeterministicOption(), noAutotuneOption());

/** Returns the options of `compile` among a command's options. */
export const arithmeticOf = ({ precision, deterministic, autotune }: ArithmeticOptions) => ({
  precision,
  deterministic,
  autotune,
});

/**
 * Opens the device if it computes in the precision. Commands do this before they read data or make folders.
 * @throws what openDevice and Device.checkPrecision throw
 */
export function openDeviceFor({
  device,
  threads,
  precision,
}: Pick<ArithmeticOptions, 'device' | 'threads' | 'precision'>): Device {
  const opened = openDevice(device, { threads });
  opened.checkPrecision(precision);
  return opened;
}
