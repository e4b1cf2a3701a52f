/** Where and how a step is computed: what every command that runs one asks for. */
import { type Command, Option } from 'commander';
import { type Device, openDevice, type Precision, precisions } from '../runtime/device';
import * as read from './options';

export interface ArithmeticOptions {
  device: string;
  precision: Precision;
  deterministic: boolean;
  autotune: boolean;
}

/** --device, --precision, and those of addKernelOptions. */
export function addArithmeticOptions(command: Command): Command {
  addDeviceOption(command).addOption(
    new Option('--precision <name>', 'arithmetic; tf32 and fp16 on a GPU').choices(precisions).default('f32'),
  );
  return addKernelOptions(command);
}

const deviceForms = 'auto, cpu, cuda or cuda:N';

export const addDeviceOption = (command: Command): Command =>
  command.option('--device <name>', deviceForms, read.device, 'auto');

/** Where something else says what it is if it is not given. */
export const addOptionalDeviceOption = (command: Command): Command =>
  command.option('--device <name>', deviceForms, read.device);

export function addKernelOptions(command: Command): Command {
  return command
    .option('--no-deterministic', 'on a GPU, also kernels whose results differ in their last bits from run to run')
    .option('--no-autotune', 'on a GPU, take the first kernel of each convolution instead of timing the candidates');
}

/** Of a command's options, those of `compile`. */
export const arithmeticOf = ({ precision, deterministic, autotune }: ArithmeticOptions) => ({
  precision,
  deterministic,
  autotune,
});

/**
 * The device, if it computes in the precision: to be asked before data are read and folders made.
 * @throws what openDevice and Device.checkPrecision throw
 */
export function openDeviceFor({ device, precision }: ArithmeticOptions): Device {
  const opened = openDevice(device);
  opened.checkPrecision(precision);
  return opened;
}
