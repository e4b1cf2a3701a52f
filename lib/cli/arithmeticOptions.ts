/** How a step is computed: what every command that runs one asks for. */
import { type Command, Option } from 'commander';
import { type Precision, precisions } from '../device';

export interface ArithmeticOptions {
  precision: Precision;
  deterministic: boolean;
  autotune: boolean;
}

export function addArithmeticOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--precision <name>', 'arithmetic; tf32 and fp16 on a GPU').choices(precisions).default('f32'),
    )
    .option('--no-deterministic', 'on a GPU, also kernels whose results differ in their last bits from run to run')
    .option('--no-autotune', 'on a GPU, take the first kernel of each convolution instead of timing the candidates');
}

/** Of a command's options, those of `compile`. */
export const arithmeticOf = ({ precision, deterministic, autotune }: ArithmeticOptions): ArithmeticOptions => ({
  precision,
  deterministic,
  autotune,
});
