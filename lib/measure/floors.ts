/** Computes the least time that a step can take on a machine whose ceilings were measured. */
import type { PlanKernel } from '../compile/planKernels';
import type { Ceilings } from './ceilings';

/** Lower bounds of the time of a step, in milliseconds. */
export interface Floors {
  /** All operations at the rate of the matrix product. Counts those of direct convolutions; Winograd kernels may be faster. */
  readonly compute: number;
  /** All bytes that must move, at the rate of the copy. */
  readonly bytes: number;
  /** Sum over kernels of the larger of both times (the roofline model). */
  readonly roofline: number;
  /** `roofline` of the kernels that multiply (convolutions, linear layers) alone, as if all others took no time. */
  readonly multiplying: number;
}

/** Returns the lower bounds for the kernels of a step. */
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
