/** The least time that a step can take on a machine whose ceilings were measured: what it is held against. */
import type { PlanKernel } from '../compile/planKernels';
import type { Ceilings } from './ceilings';

/** Milliseconds. */
export interface Floors {
  /** All operations at the rate of the matrix product. Of direct convolutions: Winograd, where there is one, may pass it. */
  readonly compute: number;
  /** All bytes that must move at least, at the rate of the copy. */
  readonly bytes: number;
  /** Kernel by kernel the larger of both, summed up. */
  readonly roofline: number;
  /** The same of the kernels that multiply alone, as if all else were free. */
  readonly multiplying: number;
}

export function floorsOf(kernels: readonly PlanKernel[], ceilings: Ceilings): Floors {
  const computing = ({ flops }: PlanKernel) => flops / ceilings.gigaflopsPerSecond / 1e6;
  const moving = ({ bytes }: PlanKernel) => bytes / ceilings.gigabytesPerSecond / 1e6;
  const roof = (kernel: PlanKernel) => Math.max(computing(kernel), moving(kernel));
  const sum = (of: (kernel: PlanKernel) => number, among = kernels) =>
    among.reduce((total, kernel) => total + of(kernel), 0);
  return {
    compute: sum(computing),
    bytes: sum(moving),
    roofline: sum(roof),
    multiplying: sum(
      roof,
      kernels.filter(({ flops }) => flops > 0),
    ),
  };
}
