import { type Source, sizeOf } from '../tensor/tensor';
import type { Plan, RunInputs } from './compile';

/** Where the first NaN or infinity of a step comes from. */
export interface NonFinite {
  /** "kernel": all that it has read was finite. Anything else was not finite when it was given to the step. */
  readonly kind: 'kernel' | Source['kind'];
  /** The layer; or the name of the input, the parameter or the buffer. */
  readonly name: string;
  /** The op that made it, or was the first to read it. */
  readonly op: string;
  /** The layer of that op. */
  readonly layer: string;
  /** How many elements are infinite or NaN, of how many. */
  readonly count: number;
  readonly size: number;
  readonly shape: readonly number[];
}

/**
 * Runs one step kernel by kernel, without its updates, and says where the first value that is not finite appears; null if
 * there is none. What a fused kernel swallows is not seen: tanh(Infinity) is 1. It takes a while: every result is looked at.
 * @throws what Plan.run throws
 */
export async function firstNonFinite(plan: Plan, inputs: RunInputs = {}): Promise<NonFinite | null> {
  const kernels = await plan.trace(inputs, { nonFinite: true });
  for (const { op, name: layer, nonFinite, ...operands } of kernels) {
    for (const side of ['inputs', 'outputs'] as const) {
      const index = nonFinite?.[side].findIndex((count) => count > 0) ?? -1;
      const operand = operands[side][index];
      if (!operand) continue;
      const { kind, name } = operand.given ?? { kind: 'kernel', name: layer };
      const size = sizeOf(operand.shape);
      return { kind, name, op, layer, count: nonFinite![side][index]!, size, shape: operand.shape };
    }
  }
  return null;
}

/** In words: "parameter 3a/1x1/weight: 1 of 4096 values [64, 1, 1, 64], read by conv2d 3a/1x1". */
export function describeNonFinite({ kind, name, op, layer, count, size, shape }: NonFinite): string {
  const where = kind === 'kernel' ? `${op} of layer ${layer}` : `${kind} ${name}`;
  const reader = kind === 'kernel' ? '' : `, read by ${op} of layer ${layer}`;
  return `${where}: ${count} of ${size} values [${shape.join(', ')}] are not finite${reader}`;
}
