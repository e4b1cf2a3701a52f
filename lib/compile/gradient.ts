import { invalid, SaturnnError } from '../errors';
import { add } from '../ops/channels';
import { constant, type Node, Tensor } from '../tensor/tensor';
import { reachable, schedule } from './graph';

/**
 * d loss / d target for each target, as nodes of the same graph: reverse-mode differentiation by graph rewriting.
 * @param loss shape [1]
 * @param targets parameters, or tensors between them and the loss, such as pre-activations
 * @param scale [1]: the gradients are those of scale loss. Default 1
 * @throws ERR_SHAPE if loss has another shape; ERR_GRAPH if a target does not influence it, or an op on the way has no gradient
 */
export function gradient(loss: Tensor, targets: readonly Tensor[], scale: Tensor = constant([1])): Tensor[] {
  if (!(loss instanceof Tensor)) throw invalid('loss', 'a Tensor', loss);
  if (loss.shape.length !== 1 || loss.size !== 1)
    throw new SaturnnError('ERR_SHAPE', `Expected one element, [1], for loss but received shape [${loss.shape}]`);
  return gradientFrom(loss, scale, targets);
}

/**
 * The same of a loss of which only its gradient with respect to `result` is known: Σ seed result. For studies of the
 * backward pass alone.
 * @param seed as result: shape, and whether it is an image
 */
export function gradientFrom(result: Tensor, seed: Tensor, targets: readonly Tensor[]): Tensor[] {
  for (const target of targets) if (!(target instanceof Tensor)) throw invalid('targets', 'Tensors', target);
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
    // A target that no other target influences: nothing flows further, and its op need not have a gradient.
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

/** The nodes, targets' own included, whose outputs change with a target. `nodes` is in execution order. */
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
