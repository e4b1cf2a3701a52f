/** Describes a plan's kernels, from the graph's nodes and from the backend's report about each kernel. */

import type { KernelInfo, NodeDescription, OperandInfo } from '../runtime/native';
import { type Source, sizeOf, type Tensor } from '../tensor/tensor';
import type { Lowered } from './lower';

/** An input or output of a kernel: dtype, shape, bytes, and where it comes from. */
export interface KernelOperand extends Readonly<Omit<OperandInfo, 'isGiven'>> {
  /** The source of an operand that no kernel makes, with the name of the parameter or input; null: a kernel makes it. */
  readonly given: { readonly kind: Source['kind']; readonly name: string } | null;
}

/** A kernel of a plan. */
export interface PlanKernel {
  /** Name of the op. */
  readonly op: string;
  /** Name of the layer. */
  readonly name: string;
  /** Name of the code that the backend chose, e.g. "jit_wino_4x3:avx512_core". */
  readonly implementation: string;
  /** Bytes of scratch memory that the kernel uses while it runs. */
  readonly scratchBytes: number;
  /** Floating-point operations of one step (a multiply-add is two); 0 for kernels whose speed memory bounds. */
  readonly flops: number;
  /** Bytes that one step must move at least: each input read once, each output written once; 0 for a view that copies nothing. */
  readonly bytes: number;
  /** Inputs in the op's order; null: an optional tensor that is absent. */
  readonly inputs: readonly (KernelOperand | null)[];
  /** Outputs in the op's order; null: an optional tensor that is absent. */
  readonly outputs: readonly (KernelOperand | null)[];
}

/**
 * Describes each kernel from the node that it computes. The native side may add kernels that copy images between layouts: these
 * have no node. The others come in the order of the nodes.
 */
export function describeKernels(kernels: readonly KernelInfo[], lowered: Lowered): PlanKernel[] {
  let next = 0;
  return kernels.map((kernel) => {
    const node = lowered.nodes[next];
    const description = lowered.description.nodes[next];
    if (!node || !description || node.op.name !== kernel.op || node.name !== kernel.name) {
      const given = sourceOfLayoutCopy(kernel, lowered);
      const inputs = kernel.inputs.map((operand) => withSource(operand, given));
      const outputs = kernel.outputs.map((operand) => withSource(operand, null));
      return { ...kernel, inputs, outputs, flops: 0, bytes: total(kernel.inputs) + total(kernel.outputs) };
    }
    next++;
    return {
      ...kernel,
      inputs: kernel.inputs.map((operand, index) => withSource(operand, sourceOf(node.inputs[index]))),
      outputs: kernel.outputs.map((operand) => withSource(operand, null)),
      flops: node.op.flops?.(node) ?? 0,
      bytes: leastBytes(kernel, node.op, description, lowered),
    };
  });
}

const total = (operands: readonly (OperandInfo | null)[]): number =>
  operands.reduce((sum, operand) => sum + (operand?.bytes ?? 0), 0);

function withSource(operand: OperandInfo | null, source: KernelOperand['given']): KernelOperand | null {
  if (!operand) return null;
  const { isGiven, ...rest } = operand;
  return { ...rest, given: isGiven ? source : null };
}

function sourceOf(tensor: Tensor | null | undefined): KernelOperand['given'] {
  const kind = tensor?.node.source?.kind;
  return tensor && kind ? { kind, name: tensor.node.name } : null;
}

/** Returns the source of a layout copy: "images (layout)" copies the input `images`; all other given images are constants. */
function sourceOfLayoutCopy({ name }: KernelInfo, { description }: Lowered): KernelOperand['given'] {
  const copied = name.replace(/ \(layout\)$/, '');
  return { kind: description.inputs.some((port) => port.name === copied) ? 'input' : 'constant', name: copied };
}

function leastBytes(
  { inputs, outputs }: KernelInfo,
  op: Lowered['nodes'][number]['op'],
  description: NodeDescription,
  { description: { tensors } }: Lowered,
): number {
  const liesIn = (part: number | undefined, whole: number | undefined) =>
    part !== undefined && part >= 0 && whole !== undefined && tensors[part]?.base === whole;
  const [x] = description.inputs;
  const [y] = description.outputs;
  if (op.gathers) {
    const copied = inputs.filter((_, index) => !liesIn(description.inputs[index], y));
    return 2 * total(copied);
  }
  if (op.isView) return liesIn(y, x) ? 0 : 2 * total(outputs);
  const sampled = op.samples === undefined ? null : inputs[op.samples];
  const notRead = sampled ? sampled.bytes - sampledBytes(sampled, outputs[0]) : 0;
  const written = (op.writesState ?? []).map((position) => inputs[position] ?? null);
  return total(inputs) - notRead + total(outputs) + total(written);
}

/** Returns the bytes that are read of a sampled input: one element for each element of the output, or all if there are fewer. */
function sampledBytes(sampled: OperandInfo, output: OperandInfo | null | undefined): number {
  const elementBytes = sampled.bytes / sizeOf(sampled.shape);
  return Math.min(sampled.bytes, elementBytes * sizeOf(output?.shape ?? []));
}
