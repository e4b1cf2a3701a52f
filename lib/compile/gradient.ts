import { invalid, SaturnnError } from '../errors';
import { add } from '../ops/channels';
import { arrayOf } from '../options/field';
import { checkArgument } from '../options/options';
import { constant, type Node, Tensor, tensorField } from '../tensor/tensor';
import { reachable, schedule } from './graph';

const tensorsField = arrayOf(tensorField, 'an array of Tensors');

/**
 * Returns d loss / d target for each target, in the target's shape: reverse-mode differentiation, which adds nodes to the
 * graph.
 * @param loss f32 [1]
 * @param targets parameters, or tensors between them and the loss, such as pre-activations
 * @param scale f32 [1]; the gradients are those of scale * loss. Default 1
 * @throws ERR_SHAPE if loss or scale has another shape; ERR_GRAPH if a target does not influence the loss, or an op in
 * between has no gradient; ERR_INVALID_ARGUMENT for something that is not a Tensor
 */
export function gradient(loss: Tensor, targets: readonly Tensor[], scale: Tensor = constant([1])): Tensor[] {
  if (!(loss instanceof Tensor)) throw invalid('loss', 'a Tensor', loss);
  if (loss.shape.length !== 1 || loss.size !== 1)
    throw new SaturnnError('ERR_SHAPE', `Expected shape [1] for loss but received [${loss.shape}]`);
  return gradientFrom(loss, scale, targets);
}

/**
 * Returns the gradients of the loss Σ seed * result: those of any loss whose gradient with respect to `result` is `seed`. For
 * studies of the backward pass without a loss.
 * @param seed of the shape of `result`, and an image if that is one
 * @throws as gradient(); ERR_SHAPE if `seed` does not match `result`
 */
export function gradientFrom(result: Tensor, seed: Tensor, targets: readonly Tensor[]): Tensor[] {
  checkArgument('targets', tensorsField, targets);
  checkArgument('scale or seed', tensorField, seed);
  const fits = String(seed.shape) === String(result.shape) && seed.image === result.image;
  if (!fits)
    throw new SaturnnError('ERR_SHAPE', `Expected shape [${result.shape}] for seed but received [${seed.shape}]`);
  const nodes = schedule(reachable([result.node]));
  const influenced = influencedBy(nodes, new Set(targets));
  const parts = new Map<Tensor, Tensor[]>([[result, [seed]]]);
  const total = (tensor: Tensor): Tensor | null => {
    const list = parts.get(tensor);
    if (!list) return null;
    const sum = add(...list);
    parts.set(tensor, [sum]);
    return sum;
  };
  for (const node of nodes.reverse()) {
    if (node.source || !influenced.has(node)) continue;
    const outputGradients = node.outputs.map(total);
    if (outputGradients.every((tensor) => tensor === null)) continue;
    const needed = node.inputs.map((tensor) => tensor !== null && isInfluenced(tensor, influenced));
    // Only a target itself, which no other target influences: its op's gradient is not needed, and need not exist.
    if (!needed.includes(true)) continue;
    for (const [index, part] of backward(node, outputGradients, needed).entries()) {
      const tensor = node.inputs[index];
      if (part && tensor && needed[index]) parts.set(tensor, [...(parts.get(tensor) ?? []), part]);
    }
  }
  return targets.map((target) => {
    const sum = total(target);
    if (!sum)
      throw new SaturnnError('ERR_GRAPH', `"${target.node.name}" does not influence the loss: it has no gradient`);
    return sum;
  });
}

function backward(node: Node, outputGradients: readonly (Tensor | null)[], needed: readonly boolean[]) {
  if (!node.op.gradient)
    throw new SaturnnError('ERR_GRAPH', `[${node.op.name}] has no gradient (layer "${node.name}")`);
  return node.op.gradient(node, outputGradients, needed);
}

/** Returns the nodes whose outputs depend on a target, with the targets' own nodes. `nodes` is in execution order. */
function influencedBy(nodes: readonly Node[], targets: ReadonlySet<Tensor>): Set<Node> {
  const influenced = new Set<Node>([...targets].map((tensor) => tensor.node));
  for (const node of nodes) {
    if (node.inputs.some((tensor) => tensor && isInfluenced(tensor, influenced))) influenced.add(node);
  }
  return influenced;
}

function isInfluenced(tensor: Tensor, influenced: ReadonlySet<Node>): boolean {
  return tensor.dtype === 'f32' && influenced.has(tensor.node);
}
