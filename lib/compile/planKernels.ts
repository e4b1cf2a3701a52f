/** What a plan's kernels are, put together from the two sides: what the graph asked for and what the backend made of it. */

import type { KernelInfo, NodeDescription, OperandInfo } from '../runtime/native';
import { type Source, sizeOf, type Tensor } from '../tensor/tensor';
import type { Lowered } from './lower';

export interface KernelOperand extends Readonly<Omit<OperandInfo, 'isGiven'>> {
  /** What is given to the step rather than made by another kernel: `name` is the parameter's, the input's. */
  readonly given: { readonly kind: Source['kind']; readonly name: string } | null;
}

export interface PlanKernel {
  readonly op: string;
  /** The layer. */
  readonly name: string;
  /** What the backend chose, e.g. "jit_wino_4x3:avx512_core". */
  readonly implementation: string;
  readonly scratchBytes: number;
  /** Floating-point operations of one step; 0 for kernels that are bound by memory. */
  readonly flops: number;
  /** The least that one step must move: every input read once, every output written once; 0 where views leave nothing to do. */
  readonly bytes: number;
  /** null: an optional tensor that is absent. */
  readonly inputs: readonly (KernelOperand | null)[];
  readonly outputs: readonly (KernelOperand | null)[];
}

/** The native side may add copies between layouts; they are its own and have no node. The others keep their order. */
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

/** "images (layout)" copies the input images; what else is given and gets copied is an image among the constants. */
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

/** One element for each of the output's. */
function sampledBytes(sampled: OperandInfo, output: OperandInfo | null | undefined): number {
  const elementBytes = sampled.bytes / sizeOf(sampled.shape);
  return Math.min(sampled.bytes, elementBytes * sizeOf(output?.shape ?? []));
}
