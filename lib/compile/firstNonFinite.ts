import { invalid } from '../errors';
import { fromData } from '../options/options';
import { type Source, sizeOf } from '../tensor/tensor';
import type { Plan, RunInputs } from './compile';

/** The first tensor of a step that holds NaN or infinity. */
export interface NonFinite {
  /** "kernel" if a kernel made the value from finite inputs; otherwise what was given to the step and not finite already. */
  readonly kind: 'kernel' | Source['kind'];
  /** Name of the kernel's layer; or of the input, the parameter, the buffer. */
  readonly name: string;
  /** Name of the op that made the value, or was the first to read it. */
  readonly op: string;
  /** Name of that op's layer. */
  readonly layer: string;
  /** Number of elements that are infinite or NaN. */
  readonly count: number;
  /** Number of elements of the tensor. */
  readonly size: number;
  /** Shape of the tensor. */
  readonly shape: readonly number[];
}

/**
 * Runs one step kernel by kernel, without its updates, and returns the first tensor with a value that is not finite; null if
 * there is none. Values inside of a fused kernel are not seen: tanh(Infinity) is 1. Slow, because every result is searched.
 * @throws what Plan.run() throws
 */
export async function firstNonFinite(plan: Plan, inputs: RunInputs = {}): Promise<NonFinite | null> {
  if (typeof plan?.trace !== 'function') throw invalid('plan', 'a Plan', plan);
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

/**
 * Returns a description for messages: "parameter 3a/1x1/weight: 1 of 4096 values [64, 1, 1, 64] are not finite, read by conv2d
 * of layer 3a/1x1".
 * @param found a result of firstNonFinite()
 */
export function describeNonFinite(found: NonFinite): string {
  return fromData('found', 'a result of firstNonFinite()', found, () => {
    const { kind, name, op, layer, count, size, shape } = found;
    const where = kind === 'kernel' ? `${op} of layer ${layer}` : `${kind} ${name}`;
    const reader = kind === 'kernel' ? '' : `, read by ${op} of layer ${layer}`;
    return `${where}: ${count} of ${size} values [${shape.join(', ')}] are not finite${reader}`;
  });
}
